"""The networks of the study, and the functions that they learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.ensemble.specification import Initialization, Network, OptimizerSpecification, Training

LIMIT = math.sqrt(7)
WIDTH = 2
HIDDEN_LAYERS = 9
LEARNING_RATE = 1e-3
BATCH_SIZE = 64
LARGEST_SEED = 2**31

PAPER = "Lu, Shin, Su, Karniadakis, Dying ReLU and Initialization (2019), arXiv:1903.06733"

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "|x|": np.abs,
    "x sin 5x": lambda x: x * np.sin(5 * x),
    "step + 0.2 sin 5x": lambda x: (x > 0) + 0.2 * np.sin(5 * x),
}


@final
@dataclass(frozen=True)
class Kind:
    """Networks that are alike but for their numbers."""

    name: str
    activation: str
    initialization: str
    hidden_layers: int = HIDDEN_LAYERS

    def training(self, epochs: int) -> Training:
        widths = (1, *[WIDTH] * self.hidden_layers, 1)
        activations = (*[self.activation] * self.hidden_layers, "identity")
        optimizer = OptimizerSpecification("adam", LEARNING_RATE)
        return Training(
            Network(widths, activations),
            Initialization(self.initialization),
            optimizer=optimizer,
            batch_size=BATCH_SIZE,
            epochs=epochs,
        )


RELU = Kind("ReLU, He", "relu", "he_normal")
RAI = Kind("ReLU, RAI", "relu", "rai")
LEAKY = Kind("leaky ReLU, He", "leaky_relu(0.01)", "he_normal")
KINDS = (RELU, RAI, LEAKY)
DEEPER = Kind("ReLU, He, 10 hidden layers", "relu", "he_normal", 10)
"""As one may also read “a 10-layer network”."""

COUNTS = "dead born_dead died revived constant_at_start constant unlearned networks"
