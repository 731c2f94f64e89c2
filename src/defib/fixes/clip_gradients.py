"""Gradients of bounded length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import optimizer_of
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import rounded

USUAL = 1.0
"""The limit of most published recipes, in the unit of the gradient norm."""


@final
@dataclass(frozen=True)
class ClipGradients(Fix):
    """Gradients of bounded length: the norm over all parameters is cut to a limit.

    ## What it changes
    Before each step, gradients whose norm exceeds the limit are scaled down to it.

    ## When it helps
    Where single batches or a recurrent network give gradients out of all proportion. It does
    not help where every step is too large: that is the learning rate.

    ## Its value
    Without one, the median of the norms that were recorded before the trouble began, or 1.

    ## References
    - Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks* (2013).
    """

    meaning: ClassVar[str] = "largest norm of the gradient over all parameters"

    def connect(self, training: LiveTraining) -> None:
        limit = self.value or USUAL

        def clip(optimizer: Optimizer) -> None:
            held = [each for group in optimizer.param_groups for each in group["params"]]
            norm = clip_grad_norm_([each for each in held if each.grad is not None], limit)
            if not norm <= limit:
                training.did(f"gradient norm cut to {limit:g}")

        training.before_step(clip)

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[ClipGradients, ...]:
        optimizer = optimizer_of(record, finding)
        norms = record.of("total_gradient_norm").get(optimizer)
        before = norms.between(0, max(finding.steps[0] - 1, 0)).finite() if norms else None
        usual = float(np.median(before.values)) if before else math.nan
        return (ClipGradients(float(rounded(usual)) if usual > 0 else USUAL),)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        limit = self.value or USUAL
        return spelled(
            record,
            "before `optimizer.step()`: "
            f"`torch.nn.utils.clip_grad_norm_(model.parameters(), {limit:g})`",
            f"the optimiser with `global_clipnorm={limit:g}`",
        )
