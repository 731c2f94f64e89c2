"""Scores instead of probabilities for a loss that applies a softmax itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_MODULES = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d)
_FUNCTIONS = ((F, "softmax"), (torch, "softmax"), (Tensor, "softmax"))


@final
@dataclass(frozen=True)
class RemoveSoftmax(Fix):
    """No softmax before a cross-entropy.

    ## What it changes
    A softmax whose result is handed to `cross_entropy` is undone: the loss gets what went into
    it. Attention and other softmaxes stay.

    ## When it helps
    Where probabilities go into a loss that expects scores: its gradients are then small, and
    nearly vanish where the network is confidently wrong.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        # The result of each softmax with what went in, for the time of one forward pass.
        scores: list[tuple[Tensor, Tensor]] = []

        def remember(module: nn.Module, arguments: tuple[Any, ...], result: Tensor) -> None:
            del module
            scores.append((result, arguments[0]))

        def forget(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            del module, arguments
            scores.clear()

        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            for module in model.modules():
                if isinstance(module, _MODULES):
                    module.register_forward_hook(remember)
            model.register_forward_pre_hook(forget)
            return ""

        def wrap_softmax(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def softmax(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                result = original(values, *arguments, **keywords)
                scores.append((result, values))
                return result

            return softmax

        def wrap_loss(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def cross_entropy(input: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                for result, values in scores:
                    if result is input:
                        training.did("softmax before the cross-entropy undone")
                        return original(values, *arguments, **keywords)
                return original(input, *arguments, **keywords)

            return cross_entropy

        training.on_model(change)
        for owner, name in _FUNCTIONS:
            training.replace_function(owner, name, wrap_softmax)
        training.replace_function(F, "cross_entropy", wrap_loss)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "remove the softmax; `cross_entropy` takes scores"
