"""Steps that remember the direction of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from defib.fixes.base import Fix
from defib.fixes.hyperparameters import set_hyperparameter
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 0.9


@final
@dataclass(frozen=True)
class Momentum(Fix):
    """Momentum for stochastic gradient descent without one.

    ## What it changes
    `momentum` of every parameter group that has none, before the first step.

    ## When it helps
    Where plain gradient descent crawls along narrow valleys.

    ## References
    - Sutskever et al., *On the importance of initialization and momentum* (2013).
    """

    meaning: ClassVar[str] = "momentum, in (0, 1)"

    def connect(self, training: LiveTraining) -> None:
        value = self.value or USUAL

        def raised(momentum: Any) -> Any:
            return momentum or value

        set_hyperparameter(training, "momentum", raised, f"momentum {value:g}")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`torch.optim.SGD(..., momentum={self.value or USUAL:g})`",
            f"`keras.optimizers.SGD(..., momentum={self.value or USUAL:g})`",
        )
