"""Long series with few points that look the same."""

from __future__ import annotations

import numpy as np

from defib.records.series import Series

LARGEST, LEAST = 1e150, 1e-150
"""Beyond these sizes, matplotlib's arithmetic on the limits of an axis overflows."""


def bounded(values: np.ndarray) -> np.ndarray:
    """Values of a size that an axis can hold; zero and NaN stay what they are."""
    limited = np.clip(values.astype(np.float64), -LARGEST, LARGEST)
    is_tiny = (limited != 0) & (np.abs(limited) < LEAST)
    return np.where(is_tiny, np.copysign(LEAST, limited), limited)


def drawable(series: Series) -> Series:
    """The finite entries, of a size that an axis can hold."""
    finite = series.finite()
    return Series(finite.steps, bounded(finite.values))


def thinned(series: Series, points: int = 1200) -> Series:
    """At most about `points` of the finite entries: the least and the greatest of each stretch.

    A spike of a single step stays. Stretches are equally long in steps.
    """
    finite = drawable(series)
    if len(finite) <= points:
        return finite
    starts = _stretch_starts(finite.steps, points // 2)
    ends = np.append(starts[1:], len(finite))
    chosen = {
        int(start + pick(finite.values[start:end]))
        for start, end in zip(starts, ends, strict=True)
        for pick in (np.argmin, np.argmax)
    }
    index = np.array(sorted(chosen | {0, len(finite) - 1}))
    return Series(finite.steps[index], finite.values[index])


def running_median(series: Series, points: int = 240) -> Series:
    """The median over a window of a fiftieth of the finite entries, at up to `points` places."""
    finite = drawable(series)
    width = max(3, len(finite) // 50) | 1
    if len(finite) < 2 * width:
        return finite
    windows = np.lib.stride_tricks.sliding_window_view(finite.values, width)
    at = np.unique(np.linspace(0, len(windows) - 1, points).astype(int))
    return Series(finite.steps[at + width // 2], np.median(windows[at], axis=1))


def non_finite_stretches(series: Series, limit: int = 40) -> list[tuple[int, int]]:
    """First and last step of each run of entries that are `nan` or infinite.

    Where there are more than `limit` runs, one that spans them all.
    """
    bad = ~np.isfinite(series.values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(int)))
    runs = [
        (int(series.steps[start]), int(series.steps[end - 1]))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return runs if len(runs) <= limit else [(runs[0][0], runs[-1][1])]


def _stretch_starts(steps: np.ndarray, stretches: int) -> np.ndarray:
    edges = np.linspace(steps[0], steps[-1], stretches + 1)[:-1]
    return np.unique(np.searchsorted(steps, edges))
