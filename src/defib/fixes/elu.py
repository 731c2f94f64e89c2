"""ELU, smooth and with a gradient below zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.fixes.activation_fix import ActivationFix


@final
@dataclass(frozen=True)
class Elu(ActivationFix):
    """ELU, smooth and with a gradient below zero.

    ## What it changes
    Before the first training step the hidden non-linearities (ReLU, sigmoid and tanh) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where ReLU units die, or sigmoid and tanh units saturate.

    ## References
    - Clevert, Unterthiner, Hochreiter, *Fast and Accurate Deep Network Learning by ELUs* (2016).
    """

    replaced: ClassVar[tuple[str, ...]] = ("relu", "sigmoid", "tanh")
    module: ClassVar[type[nn.Module]] = nn.ELU
    keras: ClassVar[str] = '"elu"'
