"""Random units switched off in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from defib.fixes.after_hidden_layers import add_after_hidden_layers
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 0.3
"""Between the 0.2 for inputs and the 0.5 for hidden units of Srivastava et al. (2014)."""


@final
@dataclass(frozen=True)
class Dropout(Fix):
    """Dropout behind every hidden dense and convolutional layer.

    ## What it changes
    In training mode, each output of such a layer is zero with the given probability, and
    otherwise scaled up to keep its mean.

    ## When it helps
    Against overfitting: units cannot rely on single others.

    ## References
    - Srivastava et al., *Dropout* (2014).
    """

    compares_evaluation: ClassVar[bool] = True
    meaning: ClassVar[str] = "probability that a unit is switched off, in (0, 1)"

    def connect(self, training: LiveTraining) -> None:
        rate = self.value or USUAL

        def make(output: Tensor) -> nn.Module:
            del output
            return nn.Dropout(rate)

        add_after_hidden_layers(training, make, f"dropout {rate:g}")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`nn.Dropout({self.value or USUAL:g})` after each hidden layer",
            f"`layers.Dropout({self.value or USUAL:g})` after each hidden layer",
        )
