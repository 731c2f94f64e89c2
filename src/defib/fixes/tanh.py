"""Tanh instead of sigmoid."""

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
class Tanh(Fix):
    """Tanh instead of sigmoid.

    ## What it changes
    Before the first training step the hidden non-linearities (sigmoid) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where sigmoid units, whose outputs are all positive, make the gradients of a unit share a sign.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998).
    """

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, ("sigmoid",), nn.Tanh, "tanh")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`nn.Tanh()` after the hidden layers"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        edits = (with_name(code, old, "Tanh") for old in ("Sigmoid",))
        return next((each for each in edits if each is not None), None)
