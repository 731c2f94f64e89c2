"""Small steps at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import scale_learning_rate
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL_STEPS = 100
SHARE = 0.1
"""Of the run. Source: Goyal et al. (2017) warm up for 5 of 90 epochs, transformers for about a
tenth."""


@final
@dataclass(frozen=True)
class LearningRateWarmUp(Fix):
    """Small steps at first: the learning rate grows linearly over the first steps.

    ## What it changes
    Step n of the first `value` steps is done with n / `value` of the script's own learning rate.

    ## When it helps
    Where the rate is right later on, and the first steps, from random weights and with averages
    of the optimiser that know nothing yet, are too much.

    ## Its value
    Without one, a tenth of the watched steps.

    ## References
    - Goyal et al., *Accurate, Large Minibatch SGD* (2017).
    """

    meaning: ClassVar[str] = "steps over which the learning rate grows"

    def connect(self, training: LiveTraining) -> None:
        steps = max(1.0, self.value or USUAL_STEPS)
        what = f"learning rate warmed up over {steps:g} steps"
        scale_learning_rate(training, lambda step: min(1.0, (step + 1) / steps), what)

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[LearningRateWarmUp, ...]:
        # What begins later is not mended by smaller first steps.
        steps = max(1, round(SHARE * record.steps))
        return (LearningRateWarmUp(steps),) if finding.steps[0] <= steps else ()

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        steps = self.value or USUAL_STEPS
        return spelled(
            record,
            f"`torch.optim.lr_scheduler.LinearLR(optimizer, 1 / {steps:g}, total_iters={steps:g})`",
            "a schedule as the learning rate that rises at first: "
            f"`keras.optimizers.schedules.CosineDecay(..., warmup_steps={steps:g})`",
        )
