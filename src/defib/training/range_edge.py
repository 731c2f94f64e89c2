"""Where the loss of a range test leaves its lowest level for good: the largest stable rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from defib.training.range_smoothing import Numbers, running_median

MEDIAN_ERROR = 1.2533
"""Standard error of a median of w values, times the root of w, in deviations of the noise."""
RISE_ERRORS = 7.0
"""A rise of the running median counts as divergence from so many of its standard errors on;
noise alone makes it rise from its lowest to its highest by about 6."""
RISE_SHARE = 0.3
"""... and from this share of the descent before it on."""
VALLEY_ERRORS = 3.0
VALLEY_SHARE = 0.1
"""The loss is at its lowest level as long as its running median is above the lowest one by at
most so many standard errors, or by this share of the descent."""
GROWTH_NOISES = 6.0
GROWTH_SHARE = 0.5
"""Growth is read where the loss is above its lowest level by so many deviations of the noise,
and by this share of the descent."""
FEWEST_GROWTHS = 2
"""Steps of growth: one alone may be a batch."""


@final
@dataclass(frozen=True)
class Edge:
    """Positions in the curve: its lowest level ends at `last`, it has diverged at `diverged`.

    `diverged` is the number of points where it never does; `last` is then its last point.
    """

    last: int
    diverged: int


def filter_width(points: int) -> int:
    """Points of the running median: three percent, odd, 5 to 15."""
    return int(np.clip(2 * (points // 66) + 1, 5, 15))


def find_edge(losses: Numbers, start: float, noise: Numbers) -> Edge:
    """The edge of a curve without non-finite values; `noise` is that in front of each point.

    Seen from the left, the curve diverges where its running median is above its lowest
    value so far by `RISE_ERRORS` and `RISE_SHARE`. Ratios of losses play no part: a loss may
    be negative.
    """
    width = filter_width(len(losses))
    middle, error = running_median(losses, width), MEDIAN_ERROR * noise / width**0.5
    lowest = np.minimum.accumulate(middle)
    descent = np.clip(start - lowest, 0.0, None)
    rises = middle - lowest > np.maximum(RISE_ERRORS * error, RISE_SHARE * descent)
    diverged = int(np.argmax(rises)) if rises.any() else len(losses)
    valley = middle[: diverged + 1]
    at = int(np.argmin(valley))
    reach = max(VALLEY_ERRORS * error[at], VALLEY_SHARE * max(start - valley[at], 0.0))
    last = int(np.flatnonzero(valley <= valley[at] + reach)[-1])
    return Edge(last, diverged)


@final
@dataclass(frozen=True)
class Growth:
    """Steps at which a diverging loss grew: their decades, and the factors of the error."""

    decades: Numbers
    factors: Numbers

    def limits(self, momentum: float) -> Numbers:
        """The limit of stability that each step tells, in decades; empty if they are too few.

        A sweep passes the limit some time before its loss shows it: what shrank below the
        limit has first to grow again. But the rate of growth tells the limit. Along the
        sharpest direction of a quadratic loss, of curvature c, gradient descent with momentum
        m multiplies the error by a factor -g with rate * c = g + m/g + 1 + m; the limit is
        where g is 1, at a rate of 2 * (1 + m)/c.
        """
        if len(self.factors) < FEWEST_GROWTHS:
            return np.zeros(0)
        used = self.factors + momentum / self.factors + 1.0 + momentum
        return self.decades + np.log10(2.0 * (1.0 + momentum) / used)


def find_growth(
    decades: Numbers, losses: Numbers, edge: Edge, *, start: float, noise: float
) -> Growth:
    """Growth of the loss behind its lowest level: the excess grows by the factor squared."""
    lowest = float(running_median(losses, 5)[: edge.diverged + 1].min())
    excess = losses - lowest
    least = max(GROWTH_NOISES * noise, GROWTH_SHARE * max(start - lowest, 0.0))
    is_growing: NDArray[np.bool_] = (excess[:-1] > least) & (excess[1:] > excess[:-1])
    is_growing[: edge.last] = False
    where = np.flatnonzero(is_growing)
    return Growth(decades[where + 1], np.sqrt(excess[where + 1] / excess[where]))
