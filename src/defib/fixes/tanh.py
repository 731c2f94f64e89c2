"""Tanh instead of sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.fixes.activation_fix import ActivationFix


@final
@dataclass(frozen=True)
class Tanh(ActivationFix):
    """Tanh instead of sigmoid.

    ## What it changes
    Before the first training step the hidden non-linearities (sigmoid) are
    replaced, modules and functions alike. What gives the network's output stays.

    ## When it helps
    Where sigmoid units, whose outputs are all positive, make the gradients of a unit share a sign.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998).
    """

    replaced: ClassVar[tuple[str, ...]] = ("sigmoid",)
    module: ClassVar[type[nn.Module]] = nn.Tanh
    keras: ClassVar[str] = '"tanh"'
