"""ReLU instead of saturating units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.fixes.activation_fix import ActivationFix


@final
@dataclass(frozen=True)
class Relu(ActivationFix):
    """ReLU instead of saturating units.

    ## What it changes
    Before the first training step the hidden non-linearities (sigmoid and tanh) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where sigmoid or tanh units sit in their flat ends, or gradients vanish through many of them.

    ## References
    - Glorot, Bordes, Bengio, *Deep Sparse Rectifier Neural Networks* (2011).
    """

    replaced: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh")
    module: ClassVar[type[nn.Module]] = nn.ReLU
    keras: ClassVar[str] = '"relu"'
