"""ReLU with a slope for negative inputs."""

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
class LeakyRelu(Fix):
    """ReLU with a slope for negative inputs.

    ## What it changes
    Before the first training step the hidden non-linearities (ReLU) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where ReLU units die: with a slope of 0.01 below zero they keep a gradient.

    ## References
    - Maas, Hannun, Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models* (2013).
    """

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, ("relu",), nn.LeakyReLU, "leaky ReLU")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`nn.LeakyReLU()` after the hidden layers"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        edits = (with_name(code, old, "LeakyReLU") for old in ("ReLU",))
        return next((each for each in edits if each is not None), None)
