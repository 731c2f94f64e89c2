"""Weights whose scale suits ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.layer_weights import initialize_with
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class HeInitialization(Fix):
    """Weights with standard deviation sqrt(2 / inputs), which suits ReLU and its like.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where weights start at zero, all alike, or far too small or too large for ReLU layers.

    ## References
    - He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (2015).
    """

    def connect(self, training: LiveTraining) -> None:
        initialize_with(training, _fill, "He initialisation")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "for each layer: `nn.init.zeros_(layer.bias)` and "
            '`nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")`'
        )


def _fill(weight: Tensor) -> Tensor:
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")
