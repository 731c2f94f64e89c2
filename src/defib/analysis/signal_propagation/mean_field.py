"""Mean-field theory of signals in wide random networks.

Poole et al. (2016), Schoenholz et al. (2017), Hayou et al. (2019). `q` is the second moment of a
pre-activation; weights are independent with variance σ_w²/fan-in, biases with variance σ_b².
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.gaussian import (
    LARGEST_DEVIATION,
    SMALLEST_DEVIATION,
    gaussian_mean,
)

ZERO_VARIANCE = 1e-12
INFINITE_VARIANCE = 1e12
"""A fixed point beyond is reported as 0 or ∞: q' − q is lost in rounding there."""

RELATIVE_TOLERANCE = 1e-12
"""Of a fixed point; the quadrature is good to about 1e-14."""


@final
@dataclass(frozen=True)
class RandomNetwork:
    """Wide layers of one kind: σ_w² (fan-in times the weights' variance), σ_b², activation."""

    activation: Activation
    weight_variance: float
    bias_variance: float = 0.0


def activation_second_moment(activation: Activation, q: float) -> float:
    """E[φ(√q z)²], z ~ N(0, 1)."""
    return float(
        gaussian_mean(
            lambda x: activation.function(x) ** 2,
            deviation=math.sqrt(q),
            kinks=activation.splits,
        )
    )


def derivative_second_moment(activation: Activation, q: float) -> float:
    """E[φ'(√q z)²]; at q = 0 and ∞ its limit."""
    return float(
        gaussian_mean(
            lambda x: activation.derivative(x) ** 2,
            deviation=math.sqrt(q),
            kinks=activation.splits,
        )
    )


def variance_map(network: RandomNetwork, q: float) -> float:
    """The next layer's second moment: σ_w² E[φ(√q z)²] + σ_b²."""
    second_moment = activation_second_moment(network.activation, q)
    return network.weight_variance * second_moment + network.bias_variance


def chi(network: RandomNetwork, q: float) -> float:
    """σ_w² E[φ'(√q z)²]: the factor of the gradient's second moment per layer.

    At the fixed point q* it is χ₁, the slope of the correlation map at 1: two near inputs draw
    together below 1 and apart above.
    """
    return network.weight_variance * derivative_second_moment(network.activation, q)


def variance_slope(network: RandomNetwork, q: float) -> float:
    """dq'/dq = σ_w² E[φ(√q z) φ'(√q z) z] / √q.

    By partial integration equal to χ + σ_w² E[φ'' φ], but also right where φ has a kink.
    """
    deviation = min(max(math.sqrt(q), SMALLEST_DEVIATION), LARGEST_DEVIATION)
    phi = network.activation

    def product(x: np.ndarray) -> np.ndarray:
        return (phi.function(x) / deviation) * phi.derivative(x) * (x / deviation)

    mean = gaussian_mean(product, deviation=deviation, kinks=phi.splits)
    return network.weight_variance * float(mean)


def fixed_point(network: RandomNetwork, start: float = 1.0) -> float:
    """q* = variance_map(q*), the one that the layers move to from `start`; 0 or ∞ possible.

    Where every q is fixed (a ReLU with σ_w² = 2, σ_b = 0), it is `start`.
    """
    change = _relative_change(network, start)
    if abs(change) <= RELATIVE_TOLERANCE:
        return start
    step = 2.0 if change > 0 else 0.5
    near, far = start, start * step
    while _relative_change(network, far) * change > 0:
        near, far = far, far * step
        if far > INFINITE_VARIANCE:
            return math.inf
        if far < ZERO_VARIANCE:
            return 0.0
    while abs(far / near - 1) > RELATIVE_TOLERANCE:
        middle = math.sqrt(near * far)
        if _relative_change(network, middle) * change > 0:
            near = middle
        else:
            far = middle
    return math.sqrt(near * far)


def depth_scale(factor: float) -> float:
    """Layers in which a quantity that is multiplied by `factor` per layer changes e-fold.

    1/|ln factor|: ξ_c for χ₁ and ξ_q for the variance map's slope at q*, where those are under 1.
    """
    if factor == 1:
        return math.inf
    if factor in (0, math.inf):
        return 0.0
    return 1 / abs(math.log(factor))


def correlation_depth(network: RandomNetwork) -> float:
    """ξ_c = 1/|ln χ₁| in layers, at the fixed point reached from q = 1."""
    return depth_scale(chi(network, fixed_point(network)))


def variance_depth(network: RandomNetwork) -> float:
    """ξ_q = 1/|ln(dq'/dq)| in layers, at the fixed point reached from q = 1."""
    return depth_scale(variance_slope(network, fixed_point(network)))


def _relative_change(network: RandomNetwork, q: float) -> float:
    return variance_map(network, q) / q - 1
