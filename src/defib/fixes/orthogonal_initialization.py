"""Weights that keep lengths."""

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
class OrthogonalInitialization(Fix):
    """Orthogonal weights with gain sqrt(2): lengths are kept through deep networks.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where gradients vanish or explode with depth from the first step on.

    ## References
    - Saxe, McClelland, Ganguli, *Exact solutions to the nonlinear dynamics of learning* (2013).
    """

    def connect(self, training: LiveTraining) -> None:
        initialize_with(
            training,
            lambda weight: nn.init.orthogonal_(weight, gain=2**0.5),
            "orthogonal initialisation",
        )

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "for each layer: `nn.init.zeros_(layer.bias)` and "
            "`nn.init.orthogonal_(layer.weight, gain=2**0.5)`"
        )


def _fill(weight: Tensor) -> Tensor:
    return nn.init.orthogonal_(weight, gain=2**0.5)
