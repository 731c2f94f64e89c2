"""A loss that does not grow with the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.literals import with_name
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_LOSSES = (
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)


@final
@dataclass(frozen=True)
class AverageLoss(Fix):
    """The mean of the examples' losses instead of their sum.

    ## What it changes
    Losses of torch that are called with `reduction="sum"` average instead.

    ## When it helps
    Where a sum makes the steps as many times too large as the batch has examples.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def loss(*arguments: Any, **keywords: Any) -> Tensor:
                if keywords.get("reduction") == "sum":
                    keywords["reduction"] = "mean"
                    training.did("loss averaged")
                return original(*arguments, **keywords)

            return loss

        for name in _LOSSES:
            training.replace_function(F, name, wrap)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return '`reduction="mean"`'

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        return with_name(code, 'reduction="sum', 'reduction="mean')
