"""The units of each hidden layer with mean 0 and variance 1 together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from defib.fixes.after_hidden_layers import add_after_hidden_layers
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class LayerNormalization(Fix):
    """Layer normalisation behind every hidden dense and convolutional layer.

    ## What it changes
    The output of each such layer is normalised over its units, or over channels and positions,
    for every example by itself; scales and offsets are trained.

    ## When it helps
    Where the signal or the gradient fades or grows with depth, and batches are small or their
    examples are sequences.

    ## References
    - Ba, Kiros, Hinton, *Layer Normalization* (2016).
    """

    def connect(self, training: LiveTraining) -> None:
        add_after_hidden_layers(training, _normalization, "layer normalisation")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`nn.LayerNorm(units)` or `nn.GroupNorm(1, channels)` after each hidden layer",
            "`layers.LayerNormalization()` after each hidden layer",
        )


def _normalization(output: Tensor) -> nn.Module:
    if output.ndim >= 4:
        return nn.GroupNorm(1, output.shape[1])
    return _UnitNormalization(output.shape[1])


@final
class _UnitNormalization(nn.Module):
    """Over the units, which are on axis 1; at each position by itself."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.normalization = nn.LayerNorm(units)

    def forward(self, output: Tensor) -> Tensor:
        return self.normalization(output.movedim(1, -1)).movedim(-1, 1)
