"""Weights whose scale suits tanh and sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from defib.fixes.base import Fix
from defib.fixes.layer_weights import initialize_with
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class GlorotInitialization(Fix):
    """Weights with variance 2 / (inputs + units), which suits tanh.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where saturating units start in their flat ends, or the signal fades through tanh layers.

    ## References
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010).
    """

    def connect(self, training: LiveTraining) -> None:
        initialize_with(training, nn.init.xavier_normal_, "Glorot initialisation")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "for each layer: `nn.init.xavier_normal_(layer.weight)`, `nn.init.zeros_(layer.bias)`"
        )
