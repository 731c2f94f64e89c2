"""A probability of one unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras, with_activation
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_OWNERS: tuple[Any, ...] = (F, torch, Tensor)
_SOFTMAX = re.compile(r"nn\.Softmax\((?:dim=)?-?1\)")


@final
@dataclass(frozen=True)
class Sigmoid(Fix):
    """A sigmoid instead of a softmax over one unit.

    ## What it changes
    A softmax along an axis of size 1, module or function, is a sigmoid, in training and in
    evaluation.

    ## When it helps
    Where one output is to be the probability of a class: its softmax is 1 whatever goes in, and
    nothing before it learns.

    ## What it cannot do
    Change one that is part of the loss (`replace-loss` does).
    """

    def connect(self, training: LiveTraining) -> None:
        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def softmax(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                axis = keywords.get("dim", arguments[0] if arguments else None)
                if not isinstance(axis, int) or values.ndim < 2 or values.shape[axis] != 1:
                    return original(values, *arguments, **keywords)
                training.did("sigmoid instead of a softmax over one unit")
                return torch.sigmoid(values)

            return softmax

        for owner in _OWNERS:
            training.replace_function(owner, "softmax", wrap)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`nn.Sigmoid()` instead of `nn.Softmax`",
            '`activation="sigmoid"` instead of the softmax',
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        if trains_keras(record):
            return with_activation(code, ("softmax",), "sigmoid")
        found = _SOFTMAX.findall(code)
        return _SOFTMAX.sub("nn.Sigmoid()", code) if len(found) == 1 else None
