"""GELU, the smooth non-linearity of transformers."""

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
class Gelu(Fix):
    """GELU, the smooth non-linearity of transformers.

    ## What it changes
    Before the first training step the hidden non-linearities (ReLU, sigmoid and tanh) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where ReLU units die, or sigmoid and tanh units saturate.

    ## References
    - Hendrycks, Gimpel, *Gaussian Error Linear Units* (2016).
    """

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, ("relu", "sigmoid", "tanh"), nn.GELU, "GELU")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`nn.GELU()` after the hidden layers"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        edits = (with_name(code, old, "GELU") for old in ("ReLU", "Sigmoid", "Tanh"))
        return next((each for each in edits if each is not None), None)
