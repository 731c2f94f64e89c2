"""The course of a sweep: which learning rate comes next, and when it ends."""

from __future__ import annotations

import math
from bisect import insort
from itertools import pairwise
from typing import final

from defib.records.learning_rate_range import Sweep, SweepEnding

WINDOW = 5
"""Losses of the running median: no one or two of them end a sweep."""
SPREADS = 8.0
"""Robust spreads by which the loss has to be above where it began."""
LEAST_RISE = 0.02
"""Part of the median absolute loss that a rise has to have: a loss almost without noise may
rise a little on its way. It can only delay the end."""
FEWEST_LOSSES = 10
"""Before so many losses only one that is not finite ends a sweep: no spread is known."""
MOST_REMEMBERED = 200
"""Losses, from the beginning, that tell the spread."""


@final
class SweepStop:
    """Reads one loss after another and says when the training has diverged.

    That is when the running median is above the level at the beginning, and above the lowest
    one, by `SPREADS` times the robust spread of the losses. A ratio of losses would end a
    sweep at once where they are negative.
    """

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._magnitudes: list[float] = []

    def ending(self, loss: float) -> SweepEnding | None:
        """Why the sweep ends with this loss; `None` if it goes on."""
        if not math.isfinite(loss):
            return SweepEnding.NOT_FINITE
        self._losses.append(loss)
        insort(self._magnitudes, abs(loss))
        if len(self._losses) < FEWEST_LOSSES:
            return None
        start = _median(self._losses[:WINDOW])
        recent = _median(self._losses[-WINDOW:])
        rise = max(SPREADS * self._spread(), LEAST_RISE * self._magnitudes[len(self._losses) // 2])
        return SweepEnding.DIVERGED if recent - start > rise else None

    def _spread(self) -> float:
        """Deviation of the noise, from the differences of neighbours; a descent has no part."""
        early = self._losses[: max(FEWEST_LOSSES, min(len(self._losses) - WINDOW, MOST_REMEMBERED))]
        changes = [abs(b - a) for a, b in pairwise(early)]
        return 1.4826 * _median(changes) / math.sqrt(2.0)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def learning_rates(start: float, end: float, steps: int) -> tuple[float, ...]:
    """`steps` learning rates from `start` to `end`, each the same multiple of the one before."""
    if steps == 1:
        return (start,)
    factor = math.log(end / start) / (steps - 1)
    return tuple(start * math.exp(factor * step) for step in range(steps))


@final
class SweepRecorder:
    """Collects the losses of a sweep, whoever takes its steps.

    For each step, in turn: `rate` is the learning rate to take it with, `add` gets its loss,
    which was computed before the step. So the loss that a rate led to is the next one, and
    one step follows the last rate.
    """

    def __init__(self, rates: tuple[float, ...]) -> None:
        self._rates = rates
        self._losses: list[float] = []
        self._stop = SweepStop()
        self.ending: SweepEnding | None = None
        """Why the sweep is over; `None` while it is not."""

    @property
    def rate(self) -> float:
        return self._rates[min(len(self._losses), len(self._rates) - 1)]

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self._losses)

    def add(self, loss: float) -> bool:
        """Whether the sweep is over with this loss."""
        self._losses.append(loss)
        self.ending = self._stop.ending(loss)
        if self.ending is None and len(self._losses) == len(self._rates) + 1:
            self.ending = SweepEnding.COMPLETED
        return self.ending is not None

    def sweep(self, momentum: float) -> Sweep:
        """What was collected, of at least one step."""
        first, *rest = self._losses
        ending = self.ending or SweepEnding.DATA_ENDED
        return Sweep(self._rates[: len(rest)], tuple(rest), first, ending, momentum)
