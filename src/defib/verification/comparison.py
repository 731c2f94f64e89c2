"""From paired trials to a verdict on a fix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.trial import TrialResult, Verdict, Yardstick

FEWEST_PAIRS = 3
"""Under these, the spread of the differences is not known at all."""
MOST_PAIRS = 6
FALSE_CONFIRMATIONS = 0.02
"""Of fixes without an effect that may come out as confirmed, over all looks at the data."""
EACH_LOOK = 0.007
"""The same at each single look. The looks at 3, 4, 5 and 6 pairs share their data: together they
confirm 1.9 % of normal differences around zero (200,000 drawn), where Bonferroni's quarter of
`FALSE_CONFIRMATIONS` would give 1.4 %."""
SMALLEST_EFFECT = math.log(1.1)
"""Of the logarithm of a loss: a tenth less is the least that is worth a change."""
SMALLEST_ACCURACY = 0.02
"""Difference of accuracies that is worth a change."""
WORST = math.log(10)
"""A loss that is not finite counts as ten times that at the start: as lost, and no number that
would outweigh all others."""


_NAMES = {
    Yardstick.TRAINING_LOSS: "level",
    Yardstick.EVALUATION_LOSS: "evaluation_loss",
    Yardstick.RELATIVE_LOSS: "relative_level",
    Yardstick.ACCURACY: "accuracy",
    Yardstick.EVALUATION_ACCURACY: "evaluation_accuracy",
    Yardstick.BALANCED_ACCURACY: "balanced_accuracy",
    Yardstick.EVALUATION_BALANCED_ACCURACY: "evaluation_balanced_accuracy",
}


@final
@dataclass(frozen=True)
class Interval:
    """Mean of paired differences, and an interval of the given confidence for it."""

    mean: float
    low: float
    high: float


@final
@dataclass(frozen=True)
class Differences:
    """With minus without the fix, a number for each seed; `sign` is -1 where less is better."""

    values: tuple[float, ...]
    smallest: float
    sign: int
    is_logarithm: bool


def measured(result: TrialResult, yardstick: Yardstick) -> float:
    """What the yardstick says of a trial; `nan` where it was not seen."""
    return getattr(result, _NAMES[yardstick])


def differences(
    before: Sequence[TrialResult], after: Sequence[TrialResult], yardstick: Yardstick
) -> Differences:
    """The paired differences; empty where the yardstick was not seen in every trial."""
    pairs = [
        (measured(b, yardstick), measured(a, yardstick)) for b, a in zip(before, after, strict=True)
    ]
    if yardstick.is_accuracy:
        known = all(math.isfinite(value) for pair in pairs for value in pair)
        values = tuple(a - b for b, a in pairs) if known else ()
        return Differences(values, SMALLEST_ACCURACY, 1, False)
    if any(math.isnan(value) for pair in pairs for value in pair):
        return Differences((), SMALLEST_EFFECT, -1, True)
    # A loss relative to a constant prediction's starts near 1.
    is_relative = yardstick is Yardstick.RELATIVE_LOSS
    starts = [1.0 if is_relative else each.start for each in before]
    if all(value > 0 for pair in pairs for value in pair) and all(s > 0 for s in starts):
        values = tuple(_log(a, s) - _log(b, s) for (b, a), s in zip(pairs, starts, strict=True))
        return Differences(values, SMALLEST_EFFECT, -1, True)
    scales = [max(abs(s), 1e-12) for s in starts]
    values = tuple(
        (_bounded(a, s) - _bounded(b, s)) / s for (b, a), s in zip(pairs, scales, strict=True)
    )
    return Differences(values, SMALLEST_EFFECT, -1, False)


def _log(loss: float, start: float) -> float:
    worst = (math.log(start) if math.isfinite(start) else 0.0) + WORST
    return min(math.log(loss), worst) if math.isfinite(loss) else worst


def _bounded(loss: float, scale: float) -> float:
    return loss if math.isfinite(loss) else 10 * scale


def interval(values: Sequence[float]) -> Interval:
    """Student's t interval for the mean of paired differences.

    Each of its ends is wrong with probability `EACH_LOOK`. Differences that are all alike have
    an interval of length 0: the re-runs are deterministic then.
    """
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, -math.inf, math.inf)
    error = float(array.std(ddof=1)) / math.sqrt(len(array))
    width = t_quantile(1 - EACH_LOOK, len(array) - 1) * error
    return Interval(mean, mean - width, mean + width)


def verdict_on(found: Differences) -> tuple[Verdict, Interval]:
    """What the differences say; undecided while they are too few or too scattered."""
    if not found.values:
        return Verdict.UNDECIDED, Interval(math.nan, math.nan, math.nan)
    span = interval(found.values)
    if len(found.values) < FEWEST_PAIRS:
        return Verdict.UNDECIDED, span
    gain = sorted((found.sign * span.low, found.sign * span.high))
    if gain[0] > found.smallest:
        return Verdict.CONFIRMED, span
    if gain[1] < -found.smallest:
        return Verdict.HARMFUL, span
    if -found.smallest <= gain[0] and gain[1] <= found.smallest:
        return Verdict.NO_EFFECT, span
    return Verdict.UNDECIDED, span


def t_quantile(probability: float, degrees: int) -> float:
    """The quantile of Student's t distribution, by bisection of its distribution function.

    Exact to 1e-9 for the integer `degrees` of freedom that a handful of pairs has; SciPy, which
    knows it for all, is no dependency of the core. Source: Abramowitz, Stegun 26.7.3, 26.7.4.
    """
    low, high = 0.0, 1e6
    while high - low > 1e-9 * max(1.0, low):
        middle = (low + high) / 2
        if _t_distribution(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_distribution(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    if degrees % 2:
        total = angle
        term = math.sin(angle) * cosine
        for k in range(1, (degrees - 1) // 2 + 1):
            total += term
            term *= cosine**2 * (2 * k) / (2 * k + 1)
        return 0.5 + total / math.pi
    total, term = 0.0, math.sin(angle)
    for k in range(degrees // 2):
        total += term
        term *= cosine**2 * (2 * k + 1) / (2 * k + 2)
    return 0.5 + total / 2
