"""Weights whose scale suits tanh and sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.initialization_fix import InitializationFix


@final
@dataclass(frozen=True)
class GlorotInitialization(InitializationFix):
    """Weights with variance 2 / (inputs + units), which suits tanh.

    ## What it changes
    Before the first training step every weight matrix of dense and convolutional layers is
    drawn anew, and every bias is zero. Embeddings, normalisation and recurrent layers are left
    alone.

    ## When it helps
    Where saturating units start in their flat ends, or the signal fades through tanh layers.

    ## References
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010).
    """

    initializer: ClassVar[str] = "xavier_normal_"
    keras: ClassVar[str] = '"glorot_normal"'
