"""How the weights of many networks at once are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

ASYMMETRIC_DEVIATION = math.sqrt(1 + 8 / (9 * math.pi)) - 2 * math.sqrt(2) / (
    3 * math.sqrt(math.pi)
)
"""0.600747: with it the second moment neither grows nor shrinks. Lu et al. (2019)."""


@final
@dataclass(frozen=True, eq=False)
class DrawnLayer:
    """One layer of every network: weights (networks, units, inputs), biases (networks, units)."""

    weights: np.ndarray
    biases: np.ndarray


DrawLayer = Callable[[np.random.Generator, int, int, int], DrawnLayer]
"""Of the generator, the number of networks, of inputs and of units."""


def he_normal(generator: np.random.Generator, networks: int, inputs: int, units: int) -> DrawnLayer:
    """Weights N(0, 2/inputs), no biases."""
    weights = generator.standard_normal((networks, units, inputs)) * math.sqrt(2 / inputs)
    return DrawnLayer(weights, np.zeros((networks, units)))


def he_normal_with_biases(
    generator: np.random.Generator, networks: int, inputs: int, units: int
) -> DrawnLayer:
    """Weights and biases N(0, 2/inputs)."""
    layer = he_normal(generator, networks, inputs, units)
    biases = generator.standard_normal((networks, units)) * math.sqrt(2 / inputs)
    return DrawnLayer(layer.weights, biases)


def glorot_uniform(
    generator: np.random.Generator, networks: int, inputs: int, units: int
) -> DrawnLayer:
    """Weights U(±√(6/(inputs + units))), no biases: the default of Keras."""
    limit = math.sqrt(6 / (inputs + units))
    weights = generator.uniform(-limit, limit, (networks, units, inputs))
    return DrawnLayer(weights, np.zeros((networks, units)))


def torch_default(
    generator: np.random.Generator, networks: int, inputs: int, units: int
) -> DrawnLayer:
    """Weights and biases U(±1/√inputs), as of `torch.nn.Linear`."""
    limit = inputs**-0.5
    weights = generator.uniform(-limit, limit, (networks, units, inputs))
    return DrawnLayer(weights, generator.uniform(-limit, limit, (networks, units)))


def randomized_asymmetric(
    generator: np.random.Generator, networks: int, inputs: int, units: int
) -> DrawnLayer:
    """Normal, but one random entry per unit (weight or bias) is Beta(2, 1): always positive.

    Lu et al., Dying ReLU and Initialization (2019), arXiv:1903.06733.
    """
    entries = generator.standard_normal((networks, units, inputs + 1))
    entries *= ASYMMETRIC_DEVIATION / math.sqrt(inputs)
    chosen = generator.integers(inputs + 1, size=(networks, units, 1))
    np.put_along_axis(entries, chosen, generator.beta(2, 1, (networks, units, 1)), axis=2)
    return DrawnLayer(entries[..., :-1], entries[..., -1])
