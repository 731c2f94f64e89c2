"""Each hidden unit with mean 0 and variance 1 over the batch."""

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
class BatchNormalization(Fix):
    """Batch normalisation behind every hidden dense and convolutional layer.

    ## What it changes
    The output of each such layer is normalised over the batch; scales and offsets are trained
    by the optimiser of the network.

    ## When it helps
    Where the signal or the gradient fades or grows with depth.

    ## What it cannot do
    Work on batches of one example.

    ## References
    - Ioffe, Szegedy, *Batch Normalization* (2015).
    """

    def connect(self, training: LiveTraining) -> None:
        add_after_hidden_layers(training, _normalization, "batch normalisation")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`nn.BatchNorm1d(units)` or `nn.BatchNorm2d(channels)` after each hidden layer",
            "`layers.BatchNormalization()` after each hidden layer",
        )


def _normalization(output: Tensor) -> nn.Module | None:
    if output.shape[0] < 2:
        return None
    kinds = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
    kind = kinds.get(output.ndim)
    return kind(output.shape[1]) if kind is not None else None
