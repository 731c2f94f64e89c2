"""Weights that keep lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, final

from defib.fixes.initialization_fix import InitializationFix


@final
@dataclass(frozen=True)
class OrthogonalInitialization(InitializationFix):
    """Orthogonal weights with gain sqrt(2): lengths are kept through deep networks.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where gradients vanish or explode with depth from the first step on.

    ## References
    - Saxe, McClelland, Ganguli, *Exact solutions to the nonlinear dynamics of learning* (2013).
    """

    initializer: ClassVar[str] = "orthogonal_"
    options: ClassVar[Mapping[str, str | float]] = MappingProxyType({"gain": 2**0.5})
    keras: ClassVar[str] = "keras.initializers.Orthogonal(gain=2**0.5)"
