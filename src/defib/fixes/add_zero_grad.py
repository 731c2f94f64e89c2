"""Gradients that start from zero at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class AddZeroGrad(Fix):
    """`optimizer.zero_grad()` after each step.

    ## What it changes
    The gradients of the optimiser's parameters are cleared when it has stepped.

    ## When it helps
    Where gradients of earlier steps are added to those of the present one.
    """

    def connect(self, training: LiveTraining) -> None:
        def clear(optimizer: Optimizer) -> None:
            held = [each for group in optimizer.param_groups for each in group["params"]]
            if any(each.grad is not None for each in held):
                optimizer.zero_grad()
                training.did("gradients cleared after each step")

        training.after_step(clear)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "call `optimizer.zero_grad()` before `loss.backward()`"
