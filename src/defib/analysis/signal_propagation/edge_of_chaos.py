"""The weights and biases at which χ₁ = 1: signals neither forget nor exaggerate differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.mean_field import (
    INFINITE_VARIANCE,
    RELATIVE_TOLERANCE,
    ZERO_VARIANCE,
    activation_second_moment,
    derivative_second_moment,
)
from defib.errors import UsageError


@final
@dataclass(frozen=True)
class CriticalPoint:
    """σ_w² and σ_b² with χ₁ = 1, and the fixed point q* there."""

    weight_variance: float
    bias_variance: float
    fixed_point: float

    @property
    def weight_deviation(self) -> float:
        """σ_w; divide by √fan-in for the standard deviation of a weight."""
        return math.sqrt(self.weight_variance)

    @property
    def bias_deviation(self) -> float:
        return math.sqrt(self.bias_variance)


def edge_of_chaos(activation: Activation, fixed_point: float) -> CriticalPoint:
    """The critical point with the given q*: σ_w² = 1/E[φ'²], σ_b² = q* − σ_w² E[φ²].

    An activation may have none there: σ_b² would be negative.
    """
    weight_variance, bias_variance = _variances(activation, fixed_point)
    if bias_variance < -RELATIVE_TOLERANCE * fixed_point:
        raise UsageError(
            f"`{activation.name}` has no edge of chaos at q* = {fixed_point:g}: the bias variance "
            f"would be {bias_variance:.3g}. Choose another q*."
        )
    return CriticalPoint(weight_variance, max(0.0, bias_variance), fixed_point)


def edge_of_chaos_for_bias(activation: Activation, bias_variance: float) -> CriticalPoint:
    """The critical point with the given σ_b² > 0, where σ_b² grows with q* (tanh, erf)."""
    low, high = ZERO_VARIANCE, INFINITE_VARIANCE
    if not _bias(activation, low) < bias_variance < _bias(activation, high):
        raise UsageError(
            f"`{activation.name}` has no edge of chaos with bias variance {bias_variance:g}. "
            "Expected a positive variance and a saturating activation, such as tanh."
        )
    while high / low - 1 > RELATIVE_TOLERANCE:
        middle = math.sqrt(low * high)
        if _bias(activation, middle) < bias_variance:
            low = middle
        else:
            high = middle
    return edge_of_chaos(activation, math.sqrt(low * high))


def _variances(activation: Activation, q: float) -> tuple[float, float]:
    weight_variance = 1 / derivative_second_moment(activation, q)
    return weight_variance, q - weight_variance * activation_second_moment(activation, q)


def _bias(activation: Activation, q: float) -> float:
    return _variances(activation, q)[1]
