"""Weights whose scale suits ReLU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, final

from defib.fixes.initialization_fix import InitializationFix


@final
@dataclass(frozen=True)
class HeInitialization(InitializationFix):
    """Weights with standard deviation sqrt(2 / inputs), which suits ReLU and its like.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where weights start at zero, all alike, or far too small or too large for ReLU layers.

    ## References
    - He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (2015).
    """

    initializer: ClassVar[str] = "kaiming_normal_"
    options: ClassVar[Mapping[str, str | float]] = MappingProxyType({"nonlinearity": "relu"})
    keras: ClassVar[str] = '"he_normal"'
