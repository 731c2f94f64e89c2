"""Weights of variance 1 / inputs."""

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
class LecunInitialization(Fix):
    """Weights with variance 1 / inputs, which keeps the scale of a linear layer's output.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero.

    ## When it helps
    With SELU, and with saturating units that start in their flat ends.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998).
    """

    def connect(self, training: LiveTraining) -> None:
        initialize_with(training, _fill, "LeCun initialisation")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            'for each layer: `nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")`, '
            "`nn.init.zeros_(layer.bias)`"
        )


def _fill(weight: Tensor) -> Tensor:
    return nn.init.kaiming_normal_(weight, nonlinearity="linear")
