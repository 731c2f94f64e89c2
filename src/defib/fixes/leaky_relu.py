"""ReLU with a slope for negative inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.fixes.activation_fix import ActivationFix


@final
@dataclass(frozen=True)
class LeakyRelu(ActivationFix):
    """ReLU with a slope for negative inputs.

    ## What it changes
    Before the first training step the hidden non-linearities (ReLU) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where ReLU units die: with a slope of 0.01 below zero they keep a gradient.

    ## References
    - Maas, Hannun, Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models* (2013).
    """

    replaced: ClassVar[tuple[str, ...]] = ("relu",)
    module: ClassVar[type[nn.Module]] = nn.LeakyReLU
    keras: ClassVar[str] = "keras.layers.LeakyReLU(0.01)"
