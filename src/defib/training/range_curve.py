"""From the raw losses of a sweep to its marks, their spread and a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.learning_rate_range import LearningRateRange, Mark, Reason, Sweep, Verdict
from defib.training.range_edge import Edge, filter_width, find_edge, find_growth
from defib.training.range_rules import other_rules
from defib.training.range_smoothing import (
    Numbers,
    Smoother,
    best_smoother,
    noise_before,
    noise_of,
    running_median,
    smoother,
    without_outliers,
)


@final
@dataclass(frozen=True)
class CurveLimits:
    """What counts as clear. Calibrated on the curves for tuning of `benchmarks/lr_range.py`."""

    fewest_points: int = 20
    """Points below which nothing is said."""
    fewest_before_edge: int = 8
    """Points up to the lowest level: with fewer the loss rises at once."""
    clear_drop: float = 6.0
    """Standard errors by which the smooth loss has to fall. The largest fall of a smooth curve
    of noise alone is about 4."""
    widest_spread: float = 0.6
    """Decades between the 5th and the 95th percentile of a mark: 0.3 to each side."""
    slope_widening: float = 1.6
    """Bandwidth for the slope relative to that for the level: a slope needs the wider one."""
    uncertain_slope: float = 1.5
    """Standard error of a slope, relative to the median one, from which on it is not used:
    at the ends of the range, where the window has one side."""
    conservative_share: float = 0.5
    """Of the largest stable rate: half of 2/c is 1/c, with which gradient descent on a
    curvature of at most c is sure to descend (descent lemma)."""
    suggested_share: float = 1 / 3
    """Of the way, in decades, from the steepest point to `conservative_share` of the largest
    stable rate. The first differs with the initial weights, the second with the batches; of 0.2
    to 0.5, a third keeps the widest spread over seeds 0 to 59 of three trainings lowest."""
    replicates: int = 200
    """Of the bootstrap."""
    seed: int = 0
    """Of the bootstrap."""


@final
@dataclass(frozen=True)
class Curve:
    """A sweep as numbers: finite losses over the decimal logarithm of the learning rate.

    `capped` holds the losses with what rises far above the start cut off, so that a
    divergence to any height weighs no more than one to twice the descent.
    """

    decades: Numbers
    losses: Numbers
    capped: Numbers
    start: float
    noise: float
    local_noise: Numbers
    """In front of each point."""
    momentum: float


@final
@dataclass(frozen=True)
class Fit:
    """The smooth curve up to its divergence, and what smoothed it."""

    edge: Edge
    level: Smoother
    slope: Smoother
    values: Numbers
    losses: Numbers


def range_from(sweep: Sweep, limits: CurveLimits | None = None) -> LearningRateRange:
    """The answer that the losses of a sweep give, in which nothing but numbers is judged.

    The same for every positive multiple of the losses, and with any constant added to them.
    """
    limits = limits or CurveLimits()
    answer = LearningRateRange(sweep, Verdict.NO_DESCENT, others=other_rules(sweep))
    curve = _curve_of(sweep)
    if len(curve.decades) < limits.fewest_points:
        is_first = not np.isfinite(sweep.first_loss) or not len(curve.decades)
        reason = Reason.RISES_AT_ONCE if is_first else Reason.TOO_FEW_STEPS
        return replace(answer, reasons=(reason,))
    edge = find_edge(curve.capped, curve.start, curve.local_noise)
    fit = _fit(curve, edge, limits)
    answer = replace(answer, smooth=tuple(fit.values.tolist()))
    if edge.last < limits.fewest_before_edge:
        return replace(answer, reasons=(Reason.RISES_AT_ONCE,))
    if _fall_in_errors(fit, curve.noise) < limits.clear_drop:
        return replace(answer, reasons=(Reason.FLAT,))
    return _with_marks(answer, curve, fit, limits)


def _curve_of(sweep: Sweep) -> Curve:
    losses = np.array(sweep.losses, dtype=np.float64)
    is_bad = ~np.isfinite(losses)
    losses = losses[: int(np.argmax(is_bad)) if is_bad.any() else len(losses)]
    decades = np.log10(np.array(sweep.learning_rates, dtype=np.float64)[: len(losses)])
    if not len(losses) or not np.isfinite(sweep.first_loss):
        none = losses[:0]
        return Curve(none, none, none, np.nan, np.nan, none, sweep.momentum)
    noise = noise_of(losses)
    # The first twentieth: the learning rates there are too small to change anything.
    first = losses[: max(5, len(losses) // 20)]
    start = float(np.median(np.append(first, sweep.first_loss)))
    fall = max(start - float(running_median(losses, 5).min()), 0.0)
    capped = np.minimum(losses, start + max(fall, 6.0 * noise))
    local = noise_before(capped, gap=filter_width(len(capped)))
    return Curve(decades, losses, capped, start, noise, local, sweep.momentum)


def _fit(curve: Curve, edge: Edge, limits: CurveLimits) -> Fit:
    end = max(edge.diverged, min(limits.fewest_before_edge, len(curve.decades)))
    decades = curve.decades[:end]
    losses = without_outliers(curve.capped[:end], curve.noise)
    level = best_smoother(decades, losses)
    slope = smoother(decades, limits.slope_widening * level.bandwidth)
    return Fit(edge, level, slope, level.level @ losses, losses)


def _fall_in_errors(fit: Fit, noise: float) -> float:
    """The largest fall from one point of the smooth curve to a later one, in its error."""
    values, errors = fit.values, noise * fit.level.level_error()
    highest = np.maximum.accumulate(values)
    low = int(np.argmax(highest - values))
    high = int(np.argmax(values[: low + 1]))
    return float((values[high] - values[low]) / np.hypot(errors[high], errors[low]))


def _with_marks(
    answer: LearningRateRange, curve: Curve, fit: Fit, limits: CurveLimits
) -> LearningRateRange:
    usable = _usable(fit, limits)
    steepest, stable = _steepest(curve, fit, fit.losses, usable), _stable(curve, fit)
    drawn = _bootstrap(curve, fit, usable, limits)
    marks = [_mark(steepest, drawn[0]), None if stable is None else _mark(stable, drawn[1])]
    conservative = np.minimum(drawn[0], drawn[1] + np.log10(limits.conservative_share))
    at = np.array([np.inf if stable is None else stable])
    suggestion = float(_suggested(np.array([steepest]), at, limits)[0])
    reasons = _reasons(curve, usable, (marks[0], marks[1]), limits)
    return replace(
        answer,
        verdict=Verdict.WEAK if reasons else Verdict.CLEAR_DESCENT,
        reasons=reasons,
        steepest=_rates(marks[0]),
        largest_stable=_rates(marks[1]),
        suggestion=_rates(_mark(suggestion, _suggested(*drawn, limits))),
        conservative=_rates(_mark(float(np.quantile(conservative, 0.05)), conservative)),
    )


def _usable(fit: Fit, limits: CurveLimits) -> slice:
    """The points whose slope is as certain as in the middle, up to the lowest level."""
    errors = fit.slope.slope_error()
    is_certain = errors <= limits.uncertain_slope * np.median(errors)
    first = int(np.argmax(is_certain))
    last = len(errors) - int(np.argmax(is_certain[::-1]))
    return slice(first, max(min(last, fit.edge.last + 1), first + 1))


def _steepest(curve: Curve, fit: Fit, losses: Numbers, usable: slice) -> float:
    """Decade at which the smooth loss falls most per decade, up to its lowest level."""
    lowest = max(int(np.argmin(fit.level.level @ losses)), usable.start)
    part = slice(usable.start, min(usable.stop, lowest + 1))
    slopes = fit.slope.slope[part] @ losses
    return float(curve.decades[part][int(np.argmin(slopes))])


def _stable(curve: Curve, fit: Fit) -> float | None:
    """Decade of the largest stable learning rate; `None` if the loss never rises."""
    if fit.edge.diverged >= len(curve.losses):
        return None
    growth = find_growth(
        curve.decades, curve.losses, fit.edge, start=curve.start, noise=curve.noise
    ).limits(curve.momentum)
    seen = float(curve.decades[fit.edge.last])
    return min(seen, float(np.median(growth))) if len(growth) else seen


def _suggested(steepest: Numbers, stable: Numbers, limits: CurveLimits) -> Numbers:
    """Decades between the steepest point and a share of the largest stable rate.

    That share itself where it is lower, the steepest point where `stable` is infinite.
    """
    safe = stable + np.log10(limits.conservative_share)
    between = (1 - limits.suggested_share) * steepest + limits.suggested_share * safe
    return np.where(np.isfinite(stable), np.minimum(between, safe), steepest)


def _bootstrap(
    curve: Curve, fit: Fit, usable: slice, limits: CurveLimits
) -> tuple[Numbers, Numbers]:
    """Decades of the steepest point and of the edge of replicates; infinite without an edge.

    Residuals keep their place and change their sign at random (wild bootstrap), so that
    noise which shrinks with the loss stays where it was.
    """
    generator = np.random.default_rng(limits.seed)
    leverage = np.clip(np.diag(fit.level.level), None, 0.9)
    residuals = (fit.losses - fit.values) / (1 - leverage)
    grown = find_growth(
        curve.decades, curve.losses, fit.edge, start=curve.start, noise=curve.noise
    ).limits(curve.momentum)
    steepest, stable = np.empty(limits.replicates), np.full(limits.replicates, np.inf)
    for index in range(limits.replicates):
        losses = fit.values + residuals * generator.choice((-1.0, 1.0), len(residuals))
        steepest[index] = _steepest(curve, fit, losses, usable)
        if fit.edge.diverged < len(curve.losses):
            whole = np.concatenate([losses, curve.capped[len(losses) :]])
            edge = find_edge(whole, curve.start, curve.local_noise)
            stable[index] = curve.decades[edge.last]
            if len(grown):
                again = generator.choice(grown, len(grown))
                stable[index] = min(stable[index], float(np.median(again)))
    return steepest, stable


def _mark(value: float, drawn: Numbers) -> Mark:
    low, high = np.quantile(drawn, (0.05, 0.95))
    return Mark(value, min(float(low), value), max(float(high), value))


def _rates(mark: Mark | None) -> Mark | None:
    """A mark in decades as learning rates."""
    if mark is None:
        return None
    return Mark(10.0**mark.value, 10.0**mark.low, 10.0**mark.high)


def _reasons(
    curve: Curve, usable: slice, marks: tuple[Mark | None, Mark | None], limits: CurveLimits
) -> tuple[Reason, ...]:
    steepest, stable = marks
    found: list[Reason] = []
    assert steepest is not None
    at = int(np.searchsorted(curve.decades, steepest.value))
    if at <= usable.start:
        found.append(Reason.FALLS_AT_START)
    if stable is None and at >= usable.stop - 1:
        found.append(Reason.FALLS_AT_END)
    if steepest.high - steepest.low > limits.widest_spread:
        found.append(Reason.WIDE_STEEPEST)
    if stable is not None and stable.high - stable.low > limits.widest_spread:
        found.append(Reason.WIDE_STABLE)
    return tuple(found)
