"""How sure a number is, and what an interval says of a limit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import betaincinv, stdtrit

from defib.records.study import Value, Verdict

CONFIDENCE = 0.95
"""Of every interval in a study."""


@final
@dataclass(frozen=True)
class Interval:
    """An estimate from `count` independent values, with its 95 % confidence interval."""

    estimate: float
    low: float
    high: float
    count: int

    def as_numbers(self, name: str) -> dict[str, Value]:
        """The entries of a claim's numbers: `name`, `name_low`, `name_high`."""
        return {name: self.estimate, f"{name}_low": self.low, f"{name}_high": self.high}


def numbers_of(intervals: Mapping[Any, Interval], name: str = "{}") -> dict[str, Value]:
    """The entries of a claim's numbers for several intervals, `name` formatted with the key."""
    numbers: dict[str, Value] = {}
    for key, interval in intervals.items():
        numbers |= interval.as_numbers(name.format(key))
    return numbers


def mean_interval(values: Iterable[float]) -> Interval:
    """Mean ± t·s/√n, Student's t with n − 1 degrees of freedom; infinite for a single value."""
    array = np.asarray(tuple(values), dtype=np.float64)
    mean = float(array.mean()) if len(array) else math.nan
    if len(array) < 2:
        return Interval(mean, -math.inf, math.inf, len(array))
    quantile = float(stdtrit(len(array) - 1, (1 + CONFIDENCE) / 2))
    half = quantile * float(array.std(ddof=1)) / math.sqrt(len(array))
    return Interval(mean, mean - half, mean + half, len(array))


def share_interval(count: int, total: int) -> Interval:
    """The share of `count` in `total` with the exact interval of Clopper and Pearson (1934)."""
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return Interval(count / total, low, high, total)


def difference_interval(left: Sequence[float], right: Sequence[float]) -> Interval:
    """Mean of `left` − `right`, paired by seed."""
    return mean_interval(a - b for a, b in zip(left, right, strict=True))


def ratio_interval(left: Sequence[float], right: Sequence[float]) -> Interval:
    """Geometric mean of `left`/`right`, paired by seed; all positive."""
    logarithms = mean_interval(math.log(a / b) for a, b in zip(left, right, strict=True))
    bounds = (logarithms.estimate, logarithms.low, logarithms.high)
    estimate, low, high = (math.exp(min(each, 700.0)) for each in bounds)
    return Interval(estimate, low, high, logarithms.count)


def above(interval: Interval, limit: float) -> Verdict:
    """Holds where the whole interval lies above the limit, fails where it lies at or below."""
    if interval.low > limit:
        return Verdict.HOLDS
    return Verdict.FAILS if interval.high <= limit else Verdict.UNDECIDED


def below(interval: Interval, limit: float) -> Verdict:
    """Holds where the whole interval lies below the limit, fails where it lies at or above."""
    if interval.high < limit:
        return Verdict.HOLDS
    return Verdict.FAILS if interval.low >= limit else Verdict.UNDECIDED


def within(interval: Interval, low: float, high: float) -> Verdict:
    """Holds where the whole interval lies in [low, high], fails where it lies outside."""
    if low <= interval.low and interval.high <= high:
        return Verdict.HOLDS
    is_outside = interval.high < low or interval.low > high
    return Verdict.FAILS if is_outside else Verdict.UNDECIDED


def always(cases: Iterable[bool]) -> Verdict:
    """Holds where every case is true; for what must be so exactly, each time."""
    known = tuple(cases)
    if not known:
        return Verdict.UNDECIDED
    return Verdict.HOLDS if all(known) else Verdict.FAILS


def together(*verdicts: Verdict) -> Verdict:
    """Of a claim in several parts: fails if one does, holds if all do."""
    if Verdict.FAILS in verdicts:
        return Verdict.FAILS
    return Verdict.UNDECIDED if Verdict.UNDECIDED in verdicts else Verdict.HOLDS
