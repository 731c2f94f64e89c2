"""Weights that are pulled towards zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import first_rate
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import rounded

USUAL = 0.1
STRONGER = 3.0
"""Second choice over the first."""


@final
@dataclass(frozen=True)
class WeightDecay(Fix):
    """Weights that are pulled towards zero at each step, apart from the gradient.

    ## What it changes
    After each step every weight matrix is multiplied with 1 - learning rate * value, as AdamW
    does; biases and normalisation are left alone.

    ## When it helps
    Against overfitting.

    ## Its value
    Without one, what would shrink an idle weight to a third over the whole run, and then three
    times that.

    ## References
    - Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (2019).
    """

    compares_evaluation: ClassVar[bool] = True
    meaning: ClassVar[str] = "decay in each step over the learning rate"

    def connect(self, training: LiveTraining) -> None:
        decay = self.value or USUAL

        def shrink(optimizer: Optimizer) -> None:
            with torch.no_grad():
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        if parameter.ndim > 1 and parameter.grad is not None:
                            parameter.mul_(1 - min(float(group["lr"]) * decay, 1.0))
            training.did(f"weight decay {decay:g}")

        training.after_step(shrink)

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[WeightDecay, ...]:
        rate = first_rate(record, finding)
        decay = 1 / (rate * record.steps) if rate * record.steps > 0 else USUAL
        return (
            WeightDecay(float(rounded(decay))),
            WeightDecay(float(rounded(STRONGER * decay))),
        )

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`torch.optim.AdamW(..., weight_decay={self.value or USUAL:g})`",
            f"`keras.optimizers.AdamW(..., weight_decay={self.value or USUAL:g})`",
        )
