"""How a training ended, and since when: shared by the rules that need harm to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge
from defib.rules.trend import Trend, loss_trend

LOST_SHARE = 0.5
"""Share of the fall of a loss that must be lost again before it counts as lost, in [0, 1].
Calibrated on the healthy twins of the fault corpus, `benchmarks/calibration.py`."""
_STANDARD_ERRORS = 4.0
"""As in `Trend.is_learning`: one false call in 30,000 for normal noise."""


class Ending(Enum):
    """What became of a loss."""

    LEARNING = "learning"
    FLAT = "flat"
    """It is not below where it started, or not by more than its noise."""
    LOST = "lost"
    """It fell, then rose for good by more than half of what it had fallen."""
    NON_FINITE = "non-finite"


@final
@dataclass(frozen=True)
class Course:
    """The loss of one optimiser from start to end.

    `onset` is the first step since which the loss has stayed bad: the step of a jump, or
    the first step of a loss that never was better.
    """

    optimizer: str
    losses: Series
    trend: Trend
    ending: Ending
    onset: int

    @property
    def is_harmed(self) -> bool:
        return self.ending is not Ending.LEARNING

    @property
    def last_step(self) -> int:
        return int(self.losses.steps[-1])


def courses(run: RunRecord) -> tuple[Course, ...]:
    """One course for each optimiser with at least 10 finite losses; `CannotJudge` if none has."""
    found = tuple(
        _course(name, losses, trend)
        for name, losses in run.of("loss").items()
        if (trend := loss_trend(run, name)) is not None
    )
    if not found:
        raise CannotJudge("fewer than 10 finite losses")
    return found


def _course(optimizer: str, losses: Series, trend: Trend) -> Course:
    ending = _ending(losses, trend)
    if ending is Ending.NON_FINITE:
        bad = losses.final_stretch(~np.isfinite(losses.values))
        onset = int(bad.steps[0])
    else:
        onset = _onset(losses.finite(), trend)
    return Course(optimizer, losses, trend, ending, onset)


def _ending(losses: Series, trend: Trend) -> Ending:
    if not np.isfinite(losses.values[-3:]).any():
        return Ending.NON_FINITE
    if not trend.is_learning:
        return Ending.FLAT
    fall, rise = trend.start - trend.lowest, trend.end - trend.lowest
    if rise > LOST_SHARE * fall and rise > _STANDARD_ERRORS * trend.end_error:
        return Ending.LOST
    return Ending.LEARNING


def _onset(losses: Series, trend: Trend) -> int:
    smooth = running_median(losses)
    lowest = float(smooth.values.min())
    rise = trend.end - lowest
    if rise < 0.05 * abs(trend.end) or rise < _STANDARD_ERRORS * trend.end_error:
        return int(losses.steps[0])
    bad = smooth.final_stretch_above((lowest + trend.end) / 2)
    return int(bad.steps[0]) if bad else int(losses.steps[-1])


def running_median(series: Series) -> Series:
    """The median of each entry and its neighbours, 2 % of the entries and at least 5 wide.

    A median moves no jump and forgets a single spike.
    """
    half = min(max(2, len(series) // 100), (len(series) - 1) // 2)
    padded = np.pad(series.values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return Series(series.steps, np.median(windows, axis=1))
