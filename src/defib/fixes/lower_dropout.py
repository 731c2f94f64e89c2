"""Fewer units switched off in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from defib.discovery.keras_layers import keras_layers_of, modules_of
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 0.1
_KERAS_LAYERS = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "AlphaDropout",
    "GaussianDropout",
)


@final
@dataclass(frozen=True)
class LowerDropout(Fix):
    """Dropout layers with a smaller probability.

    ## What it changes
    The probability of every dropout layer that exceeds the value is lowered to it.

    ## When it helps
    Where so many units are switched off that the network cannot fit its training data.

    ## References
    - Srivastava et al., *Dropout* (2014): 0.5 for hidden units at most, 0.2 for inputs.
    """

    meaning: ClassVar[str] = "largest probability that a unit is switched off, in [0, 1)"

    def connect(self, training: LiveTraining) -> None:
        limit = USUAL if self.value is None else self.value

        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            layers = [each for each in modules_of(model) if isinstance(each, _DropoutNd)]
            lowered = [each for each in layers if each.p > limit]
            for each in lowered:
                each.p = limit
            rated = [each for each in keras_layers_of(model, *_KERAS_LAYERS) if each.rate > limit]
            for each in rated:
                each.rate = limit
            count = len(lowered) + len(rated)
            return f"{count} dropout layers lowered to {limit:g}" if count else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`nn.Dropout({USUAL if self.value is None else self.value:g})`",
            f"`layers.Dropout({USUAL if self.value is None else self.value:g})`",
        )
