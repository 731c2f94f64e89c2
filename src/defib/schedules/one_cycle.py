"""Once up, once down, and further down at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises from `start` to `peak` in the first part of the run, then falls to `end`.

    Each part follows half a cosine, or a line where `is_linear`. After the last step it stays
    at `end`. It plans what it is given and nothing else: the momentum is left alone. Source:
    Smith, Topin, *Super-Convergence* (2018), arXiv:1708.07120; parts and defaults are those of
    torch's `OneCycleLR`.
    """

    has_end: ClassVar[bool] = True

    peak: float
    """Largest value."""
    steps: int
    """Optimiser steps of the whole run (not epochs)."""
    rise: float = 0.3
    """Share of the steps that rise, in [0, 1]."""
    start: float | None = None
    """Value at step 0; peak / 25 where it is not given."""
    end: float | None = None
    """Value at the last step; start / 10,000 where it is not given."""
    is_linear: bool = False
    """Straight lines instead of cosines."""
    is_three_part: bool = False
    """Fall back to start as fast as it rose, then to end: the form of the paper."""

    def __post_init__(self) -> None:
        self.require(self.steps >= 1, "steps", "at least 1")
        self.require(0 <= self.rise <= 1, "rise", "a share in [0, 1]")
        three_parts_fit = not self.is_three_part or self.rise <= 0.5
        self.require(three_parts_fit, "rise", "at most 0.5, since it falls as fast as it rises")

    def at(self, step: int) -> float:
        begun, value = 0.0, self._start
        for ended, target in self._parts():
            if step <= ended:
                share = (step - begun) / (ended - begun) if ended > begun else 1.0
                return self._between(value, target, share)
            begun, value = ended, target
        return value

    @property
    def extent(self) -> int:
        return self.steps

    @property
    def _start(self) -> float:
        return self.peak / 25 if self.start is None else self.start

    @property
    def _end(self) -> float:
        return self._start / 10_000 if self.end is None else self.end

    def _parts(self) -> tuple[tuple[float, float], ...]:
        """Last step of each part, and the value that it reaches there.

        As in torch, a rise that is shorter than a step ends before step 0: the run only falls.
        """
        last = (float(self.steps - 1), self._end)
        top = self.rise * self.steps - 1
        if not self.is_three_part:
            return ((top, self.peak), last)
        return ((top, self.peak), (2 * self.rise * self.steps - 2, self._start), last)

    def _between(self, value: float, target: float, share: float) -> float:
        weight = share if self.is_linear else (1 - math.cos(math.pi * share)) / 2
        return value + (target - value) * weight
