"""How a training ended, and since when: shared by the rules that need harm to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge
from defib.rules.trend import Trend, constant_prediction_loss, loss_trend

MINIMUM_FALL = 0.05
"""Share of a loss that a fall must exceed to be one; as in `Trend.is_learning`."""
SLOWEST_FALL = 0.01
"""Share of a loss that a steady fall must exceed from one half of the run to the other.
AutoTrainer calls a gain below 1 % none."""
GOOD_SHARE = 0.5
"""Share of a constant prediction's loss below which a flat loss is no failure: a training
that was resumed, or that began with trained weights, starts there."""
LOST_SHARE = 0.5
"""Share of the fall of a loss that must be lost again before it counts as lost, in [0, 1].
Calibrated on the healthy twins of the fault corpus, `benchmarks/calibration.py`."""
STANDARD_ERRORS = 4.0
"""As in `Trend.is_learning`: one false call in 30,000 for normal noise."""
NOISY_START = 0.2
"""Standard error of the first three losses, as a share of them, above which they tell
nothing of the start: batches of one example."""
ONSET_ERRORS = 6.0
"""Standard errors by which the end must lie above the lowest running median: that is the
least of hundreds, and the noise is that of the quietest quarter."""
RESTING_LOSSES = 50
"""Losses since a constant prediction's was reached, before they are judged for themselves;
`LossPlateau.min_steps` has the same. They must be the greater part of the run besides: a loss that
only passes that of a constant prediction on its way down is not there for so long."""
PATIENCE = 3
"""Losses at the end that must all be non-finite: one of them finite means that it goes on."""


class Ending(Enum):
    """What became of a loss."""

    LEARNING = "learning"
    UNCLEAR = "unclear"
    """It fell, but not by more than its noise."""
    FALLING = "falling"
    """It falls steadily, but is not yet 5 % below its start, or a constant prediction's."""
    FLAT = "flat"
    """It is not below its start, or what a constant prediction would reach."""
    GOOD = "good"
    """It is flat, below half of what a constant prediction reaches: good from the start."""
    LOST = "lost"
    """It fell, then rose for good by more than half of what it had fallen."""
    NON_FINITE = "non-finite"


@final
@dataclass(frozen=True)
class Course:
    """The loss of one optimiser from start to end.

    `onset` is the first step since which the loss has stayed bad: the step of a jump, or
    the first step of a loss that never was better. `trend` holds `nan` under 10 finite losses.
    """

    optimizer: str
    losses: Series
    trend: Trend
    ending: Ending
    onset: int

    @property
    def is_harmed(self) -> bool:
        return self.ending in (Ending.FLAT, Ending.LOST, Ending.NON_FINITE)

    @property
    def first_loss(self) -> float:
        """The loss before any step, or soon after where that is less; `nan` if not finite."""
        return float(min(self.losses.values[0], np.median(self.losses.values[:3])))

    @property
    def last_step(self) -> int:
        return int(self.losses.steps[-1])


@lru_cache(maxsize=2)
def courses(run: RunRecord) -> tuple[Course, ...]:
    """A course for each loss that is long enough or not finite; `CannotJudge` if none is."""
    found = tuple(
        _course(run, name, losses, trend)
        for name, losses in run.of("loss").items()
        if (trend := _trend(run, name, losses)) is not None
    )
    if not found:
        raise CannotJudge("fewer than 10 finite losses")
    return found


def is_harmed(run: RunRecord, optimizer: str) -> bool:
    """Whether the loss of `optimizer` does badly; false where too few losses tell."""
    try:
        return any(each.is_harmed for each in courses(run) if each.optimizer == optimizer)
    except CannotJudge:
        return False


def _trend(run: RunRecord, optimizer: str, losses: Series) -> Trend | None:
    trend, nan = loss_trend(run, optimizer), float("nan")
    if trend is None and losses and _is_non_finite(losses):
        return Trend(nan, nan, nan, nan, nan, has_baseline=False)
    return trend


def _course(run: RunRecord, optimizer: str, losses: Series, trend: Trend) -> Course:
    baseline = constant_prediction_loss(run, optimizer)
    ending = _ending(losses, trend, baseline)
    if ending is Ending.NON_FINITE:
        onset = int(losses.final_stretch(~np.isfinite(losses.values)).steps[0])
    elif ending is Ending.FLAT and (rest := _rest(losses.finite(), trend, baseline)):
        onset = int(rest.steps[0])
    else:
        onset = _onset(losses.finite(), trend)
    return Course(optimizer, losses, trend, ending, onset)


def _is_non_finite(losses: Series) -> bool:
    return not np.isfinite(losses.values[-PATIENCE:]).any()


def _ending(losses: Series, trend: Trend, baseline: float | None) -> Ending:
    if _is_non_finite(losses):
        return Ending.NON_FINITE
    if not trend.is_learning:
        start, finite = _certain_start(trend, baseline), losses.finite()
        if start is None or _is_below(finite, trend.end, start):
            return Ending.UNCLEAR
        if baseline is not None and trend.end < GOOD_SHARE * baseline:
            return Ending.GOOD
        is_falling = _is_falling(finite, trend, start) and not _rest(finite, trend, baseline)
        return Ending.FALLING if is_falling else Ending.FLAT
    fall, rise = trend.start - trend.lowest, trend.end - trend.lowest
    if rise > LOST_SHARE * fall and rise > STANDARD_ERRORS * trend.end_error:
        return Ending.LOST
    return Ending.LEARNING


def _certain_start(trend: Trend, baseline: float | None) -> float | None:
    """What the end is compared with: the start, unless three losses are too noisy to tell."""
    start_error = 1.25 * trend.noise / np.sqrt(3)
    is_above = trend.end - STANDARD_ERRORS * trend.end_error > trend.start
    if start_error < NOISY_START * abs(trend.start) or (baseline is None and is_above):
        return trend.start
    return baseline


def _is_below(losses: Series, end: float, start: float) -> bool:
    level = start - MINIMUM_FALL * abs(start)
    return end < level and losses.part(0.75, 1.0).median() < level


def _is_falling(losses: Series, trend: Trend, start: float) -> bool:
    """Whether the second half of the losses is lower than the first, and than the start."""
    first = min(losses.values[0], float(np.median(losses.values[:3])))
    return _has_lower_half(losses, trend.noise) and trend.end < max(start, 0.8 * first)


def _has_lower_half(losses: Series, noise: float) -> bool:
    before, after = losses.part(0.0, 0.5).median(), losses.part(0.5, 1.0).median()
    # 1.25 for medians, of half of the losses, and for a difference.
    error = 1.25 * noise / np.sqrt(len(losses) / 2) * np.sqrt(2)
    return before - after > max(SLOWEST_FALL * abs(before), STANDARD_ERRORS * error)


def _rest(losses: Series, trend: Trend, baseline: float | None) -> Series:
    """The losses since they came down to a constant prediction's, where they fall no more.

    Empty where they began there, came there late, or still fall.
    """
    nothing = Series.of(())
    if baseline is None:
        return nothing
    level = baseline + MINIMUM_FALL * abs(baseline)
    start_error = 1.25 * trend.noise / np.sqrt(3)
    smooth = running_median(losses)
    there = np.flatnonzero(smooth.values < level)
    is_above = float(np.median(losses.values[:3])) > level + STANDARD_ERRORS * start_error
    if not is_above or not len(there):
        return nothing
    rest = losses.between(int(smooth.steps[there[0]]), int(losses.steps[-1]))
    if len(rest) < max(RESTING_LOSSES, len(losses) / 2) or _has_lower_half(rest, trend.noise):
        return nothing
    return rest


def _onset(losses: Series, trend: Trend) -> int:
    smooth = running_median(losses)
    lowest = min(trend.start, float(smooth.values.min()))
    rise = trend.end - lowest
    # 1.25: the standard error of a median over that of a mean, for normal noise.
    error = 1.25 * _quietest_noise(losses) / np.sqrt(_width(losses))
    if rise < max(MINIMUM_FALL * abs(trend.end), ONSET_ERRORS * error):
        return int(losses.steps[0])
    bad = smooth.final_stretch_above((lowest + trend.end) / 2)
    if not bad:
        return int(losses.steps[-1])
    return int(losses.steps[0] if len(bad) == len(smooth) else bad.steps[0])


def _quietest_noise(losses: Series) -> float:
    """The noise from step to step of the quietest quarter: what a jump upsets is not noise."""
    quarters = [losses.part(start, start + 0.25) for start in (0.0, 0.25, 0.5, 0.75)]
    # 1.4826 turns a median absolute deviation into a standard deviation; two values differ.
    spreads = [float(np.median(np.abs(np.diff(each.values)))) for each in quarters if len(each) > 1]
    return 1.4826 / np.sqrt(2) * min(spreads, default=0.0)


def _width(series: Series) -> int:
    half = min(max(2, len(series) // 100), (len(series) - 1) // 2)
    return 2 * half + 1


def running_median(series: Series) -> Series:
    """The median of each entry and its neighbours, 2 % of the entries and at least 5 wide.

    A median moves no jump and forgets a single spike. Entries without enough neighbours,
    at both ends, are left out.
    """
    width = _width(series)
    windows = np.lib.stride_tricks.sliding_window_view(series.values, width)
    centres = series.steps[width // 2 : len(series) - width // 2]
    return Series(centres, np.median(windows, axis=1))
