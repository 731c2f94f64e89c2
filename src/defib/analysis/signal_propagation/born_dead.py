"""Probability that a ReLU network is constant before training starts: bounds and closed forms.

Lu, Shin, Su, Karniadakis, Dying ReLU and Initialization (2019), arXiv:1903.06733. A network of L
layers has L − 1 hidden ReLU layers and a linear output. Weights (and biases, if any) are
symmetric around 0; their scale does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from defib.errors import UsageError


def born_dead_upper_bound(hidden_widths: Sequence[int]) -> float:
    """1 − ∏(1 − 2^−N_l) over the hidden layers, for any input dimension and symmetric biases.

    Exact for a single input point without biases.
    """
    return _one_layer_dies(_checked(hidden_widths))


def born_dead_upper_bound_scalar_input(hidden_widths: Sequence[int]) -> float:
    """The bound for one input that takes both signs, without biases.

    1 − ∏(1 − 2^−N_l) from the second hidden layer on: the first cannot be dead, a unit is
    alive on one side of 0.
    """
    return _one_layer_dies(_checked(hidden_widths)[1:])


def born_dead_lower_bound(width: int, layers: int) -> float:
    """The lower bound for constant width, one input that takes both signs, no biases.

    Exact for three layers.
    """
    _check_layers(layers)
    [width] = _checked([width])
    one_side = 1 - 2.0**-width
    both_sides = 1 - 2.0 ** (1 - width) - (width - 1) * 4.0**-width
    weight = (1 - 2.0 ** (1 - width)) * one_side / (1 + (width - 1) * 2.0**-width)
    exponent = layers - 2
    return 1 - one_side**exponent + weight * (both_sides**exponent - one_side**exponent)


def born_dead_three_layers(width: int) -> float:
    """The exact probability for two hidden layers, one input of both signs, no biases."""
    return born_dead_lower_bound(width, 3)


def safe_depth(width: int, probability: float) -> int:
    """The most layers L at which the upper bound for one input stays within `probability`.

    L = 2 + ⌊ln(1 − probability)/ln(1 − 2^−width)⌋.
    """
    [width] = _checked([width])
    if not 0 <= probability < 1:
        raise UsageError(f"Expected a probability in [0, 1), got {probability}.")
    return 2 + math.floor(math.log1p(-probability) / math.log1p(-(2.0**-width)))


def _one_layer_dies(widths: Sequence[int]) -> float:
    return 1 - math.prod(1 - 2.0**-width for width in widths)


def _checked(widths: Sequence[int]) -> Sequence[int]:
    if not widths or min(widths) < 1:
        raise UsageError(f"Expected at least one hidden layer and positive widths, got {widths}.")
    return widths


def _check_layers(layers: int) -> None:
    if layers < 2:
        raise UsageError(f"Expected at least 2 layers (one of them hidden), got {layers}.")
