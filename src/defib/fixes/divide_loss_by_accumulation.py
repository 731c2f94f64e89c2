"""Accumulated gradients that are averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class DivideLossByAccumulation(Fix):
    """Gradients of several batches averaged instead of added up.

    ## What it changes
    Before each step the gradients are divided by the number of backward passes since the last.

    ## When it helps
    Where a script accumulates gradients to save memory and forgets to divide its loss.
    """

    meaning: ClassVar[str] = ""

    def connect(self, training: LiveTraining) -> None:
        passes = 0

        def wrap(original: Callable[..., None]) -> Callable[..., None]:
            def backward(*arguments: Any, **keywords: Any) -> None:
                nonlocal passes
                passes += 1
                original(*arguments, **keywords)

            return backward

        def average(optimizer: Optimizer) -> None:
            if passes < 2:
                return
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.div_(passes)
            training.did("accumulated gradients averaged")

        def begin_again(optimizer: Optimizer) -> None:
            nonlocal passes
            del optimizer
            passes = 0

        training.keras.missing = "optimisers of Keras average the gradients that they add up"
        training.replace_function(torch.autograd, "backward", wrap)
        training.before_step(average)
        training.after_step(begin_again)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`(loss / number_of_accumulated_batches).backward()`"
