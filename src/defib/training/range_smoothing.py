"""Local regression in the logarithm of the learning rate: level and slope of a noisy curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution, in units of its median absolute deviation."""

BANDWIDTHS = (0.15, 0.2, 0.27, 0.36, 0.48, 0.64, 0.85, 1.1)
"""Half-widths of the window in decades, among which cross-validation chooses."""

NEARLY_BEST = 1.02
"""Error of left-out points, relative to the lowest: within it a wider window is taken."""

FEWEST_IN_WINDOW = 7
"""Points of a window: with fewer, a line through them follows the noise."""

OUTLIER_DEVIATIONS = 4.0
"""Deviations from the running median beyond which a point is pulled in before smoothing."""

NOISE_WINDOW = 31
"""Points that tell the noise at a place: their median deviation has an error of a sixth."""

ROUNDING = 1e-6
"""Relative rounding of a mean in 32 bits: what differs by less does not differ."""


@final
@dataclass(frozen=True)
class Smoother:
    """Matrices that take a curve to its level and to its slope per decade, at every point."""

    bandwidth: float
    level: Numbers
    slope: Numbers

    def level_error(self) -> Numbers:
        """Standard error of the level at each point, per standard deviation of the noise."""
        return np.sqrt((self.level**2).sum(axis=1))

    def slope_error(self) -> Numbers:
        """Standard error of the slope at each point, per standard deviation of the noise."""
        return np.sqrt((self.slope**2).sum(axis=1))


def smoother(decades: Numbers, bandwidth: float) -> Smoother:
    """Local linear regression on `decades` (ascending) with tricube weights.

    Symmetric: a point at some distance to the right counts as much as one to the left, so
    that nothing lags. The window is widened to `FEWEST_IN_WINDOW` points where need be.
    Source: Cleveland 1979, "Robust locally weighted regression".
    """
    distance = decades[None, :] - decades[:, None]
    reach = np.sort(np.abs(distance), axis=1)
    fewest = reach[:, min(FEWEST_IN_WINDOW, len(decades)) - 1]
    width = np.maximum(bandwidth, 1.001 * fewest)[:, None]
    weight = np.clip(1 - np.abs(distance / width) ** 3, 0, None) ** 3
    total = weight.sum(axis=1, keepdims=True)
    center = (weight * distance).sum(axis=1, keepdims=True) / total
    offset = distance - center
    spread = (weight * offset**2).sum(axis=1, keepdims=True)
    slope = weight * offset / np.maximum(spread, 1e-300)
    return Smoother(bandwidth, weight / total - center * slope, slope)


def best_smoother(decades: Numbers, losses: Numbers) -> Smoother:
    """The widest smoother that predicts left-out points nearly as well as the best one."""
    found = [smoother(decades, each) for each in BANDWIDTHS]
    errors = [_left_out_error(each, losses) for each in found]
    good = [
        each
        for each, error in zip(found, errors, strict=True)
        if error <= NEARLY_BEST * min(errors)
    ]
    return good[-1]


def _left_out_error(each: Smoother, losses: Numbers) -> float:
    """Mean absolute error of leave-one-out predictions; absolute, for what tails are left."""
    leverage = np.clip(np.diag(each.level), None, 0.99)
    return float(np.mean(np.abs((losses - each.level @ losses) / (1 - leverage))))


def noise_of(losses: Numbers) -> float:
    """Standard deviation of the noise, from the median absolute second difference.

    A trend, a jump or single spikes do not count. That of the whole curve or of its first
    third, whichever is larger: the noise may vanish with the loss. At least the rounding of
    the numbers.
    """
    floor = ROUNDING * float(np.median(np.abs(losses)))
    second = np.abs(np.diff(losses, n=2)) / np.sqrt(6.0)
    if not len(second):
        return floor
    first = second[: max(len(second) // 3, 1)]
    return max(NORMAL_MAD * float(max(np.median(second), np.median(first))), floor)


def noise_before(losses: Numbers, *, gap: int) -> Numbers:
    """Standard deviation of the noise in front of each point, at least that of the curve.

    From the `NOISE_WINDOW` points that end `gap` points before it: what a rise is compared
    with must not be the rise itself. The noise of a training often grows as it learns.
    """
    second = np.abs(np.diff(losses, n=2)) / np.sqrt(6.0)
    result = np.full(len(losses), noise_of(losses))
    first = NOISE_WINDOW + gap
    if len(losses) <= first + 2:
        return result
    windows = np.lib.stride_tricks.sliding_window_view(second, NOISE_WINDOW)
    local = NORMAL_MAD * np.median(windows, axis=1)[: len(losses) - first]
    result[first:] = np.maximum(result[first:], local)
    return result


def running_median(values: Numbers, width: int) -> Numbers:
    """Median of the `width` (odd) values around each.

    At the beginning that of the first full window, where nothing has changed yet; at the end
    of ever fewer values around each, so that a rise at the very end is seen.
    """
    half = min(width // 2, (len(values) - 1) // 2)
    result = values.copy()
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * half + 1)
    result[half : len(values) - half] = np.median(windows, axis=1)
    result[:half] = result[half]
    for reach in range(1, half):
        result[-1 - reach] = np.median(values[-2 * reach - 1 :])
    return result


def without_outliers(losses: Numbers, noise: float) -> Numbers:
    """The losses, single spikes pulled in to a few deviations from the running median."""
    middle = running_median(losses, 5)
    reach = OUTLIER_DEVIATIONS * noise
    return np.clip(losses, middle - reach, middle + reach)
