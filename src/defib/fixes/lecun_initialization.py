"""Weights of variance 1 / inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, final

from defib.fixes.initialization_fix import InitializationFix


@final
@dataclass(frozen=True)
class LecunInitialization(InitializationFix):
    """Weights with variance 1 / inputs, which keeps the scale of a linear layer's output.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero.

    ## When it helps
    With SELU, and with saturating units that start in their flat ends.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998).
    """

    initializer: ClassVar[str] = "kaiming_normal_"
    options: ClassVar[Mapping[str, str | float]] = MappingProxyType({"nonlinearity": "linear"})
    keras: ClassVar[str] = '"lecun_normal"'
