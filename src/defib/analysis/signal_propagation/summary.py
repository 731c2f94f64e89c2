"""What signals and gradients do over the whole depth of a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from defib.analysis.signal_propagation.mean_field import depth_scale
from defib.analysis.signal_propagation.results import LayerSignal, SignalPropagation

TRAINABLE_DEPTH_SCALES = 6.0
"""Depth in units of the depth scale up to which networks train, about: Schoenholz et al. (2017),
Deep Information Propagation, figures 5 and 6. A second moment changes by e⁶ = 403 then."""


class Trend(Enum):
    """Over the whole depth, relative to `TRAINABLE_DEPTH_SCALES`."""

    VANISHING = "vanishing"
    STEADY = "steady"
    EXPLODING = "exploding"
    UNKNOWN = "unknown"
    """Fewer than two layers were measured."""


@final
@dataclass(frozen=True)
class Course:
    """A second moment from one end of the model to the other.

    `total` is its factor over all layers, `per_layer` the geometric mean; both dimensionless,
    `nan` if fewer than two layers were measured. `depth_scale`: layers for a change e-fold.
    """

    total: float
    per_layer: float
    depth_scale: float
    trend: Trend


@final
@dataclass(frozen=True)
class SignalSummary:
    """`depth`: layer calls that hold weights and for which there is a theory.

    `forward` runs from the first to the last of these, `backward` from the last to the first.
    `chi_1`: geometric mean over layers with an activation, `nan` without any.
    """

    depth: int
    forward: Course
    backward: Course
    chi_1: float
    depth_scale: float


def summarize(propagation: SignalPropagation) -> SignalSummary:
    """The summary of a measured model."""
    layers = [each for each in propagation.layers if each.initialization is not None]
    values = [each.forward.layer.second_moment for each in layers if each.forward.layer]
    gradients = [each.backward.layer.second_moment for each in layers if each.backward.layer]
    chi_1 = _geometric_mean(_chis(layers))
    return SignalSummary(
        depth=len(layers),
        forward=_course(values),
        backward=_course(gradients[::-1]),
        chi_1=chi_1,
        depth_scale=depth_scale(chi_1),
    )


def _chis(layers: Iterable[LayerSignal]) -> list[float]:
    return [each.theory.chi_1 for each in layers if each.theory and each.activation]


def _course(moments: Sequence[float]) -> Course:
    if len(moments) < 2:
        return Course(math.nan, math.nan, math.nan, Trend.UNKNOWN)
    change = _logarithm(moments[-1]) - _logarithm(moments[0])
    per_layer = _exponential(change / (len(moments) - 1))
    trend = Trend.VANISHING if moments[-1] == 0 else _trend(change)
    return Course(_exponential(change), per_layer, depth_scale(per_layer), trend)


def _trend(change: float) -> Trend:
    # ∞ − ∞, or a `nan` that came of it in the model.
    if math.isnan(change):
        return Trend.EXPLODING
    if abs(change) <= TRAINABLE_DEPTH_SCALES:
        return Trend.STEADY
    return Trend.EXPLODING if change > 0 else Trend.VANISHING


def _geometric_mean(factors: Sequence[float]) -> float:
    if not factors:
        return math.nan
    return _exponential(sum(_logarithm(each) for each in factors) / len(factors))


def _logarithm(value: float) -> float:
    return -math.inf if value == 0 else math.log(value)


def _exponential(value: float) -> float:
    # math.exp raises where a double is too small for the result.
    return math.inf if value > 700 else math.exp(value)
