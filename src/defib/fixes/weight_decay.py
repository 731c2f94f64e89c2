"""Weights that are pulled towards zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 0.1
STRONG = 1.0


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
    Without one 0.1, and then 1.

    ## References
    - Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (2019).
    """

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
        del record, finding
        return (WeightDecay(USUAL), WeightDecay(STRONG))

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return f"`torch.optim.AdamW(..., weight_decay={self.value or USUAL:g})`"
