"""ReLU instead of saturating units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from defib.fixes.activation_swap import swap_activations
from defib.fixes.base import Fix
from defib.fixes.literals import with_name
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class Relu(Fix):
    """ReLU instead of saturating units.

    ## What it changes
    Before the first training step the hidden non-linearities (sigmoid and tanh) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where sigmoid or tanh units sit in their flat ends, or gradients vanish through many of them.

    ## References
    - Glorot, Bordes, Bengio, *Deep Sparse Rectifier Neural Networks* (2011).
    """

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, ("sigmoid", "tanh"), nn.ReLU, "ReLU")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`nn.ReLU()` after the hidden layers"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        edits = (with_name(code, old, "ReLU") for old in ("Sigmoid", "Tanh"))
        return next((each for each in edits if each is not None), None)
