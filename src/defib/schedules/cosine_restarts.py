"""Half a cosine down, then a jump back to the top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Falls from `start` towards `end` along half a cosine, and begins anew, more slowly.

    end + (start - end) * (1 + cos(pi * share of the cycle)) / 2. Source: Loshchilov, Hutter,
    *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017), arXiv:1608.03983.
    """

    start: float
    """Value at the beginning of each cycle."""
    cycle: int
    """Steps of the first cycle."""
    growth: int = 1
    """Length of each cycle relative to the one before."""
    end: float = 0.0
    """Value that each cycle approaches."""

    def __post_init__(self) -> None:
        self.require(self.cycle >= 1, "cycle", "at least 1 step")
        self.require(self.growth >= 1, "growth", "at least 1")

    def at(self, step: int) -> float:
        length, position = self._cycle_at(step)
        share = (1 + math.cos(math.pi * position / length)) / 2
        return self.end + (self.start - self.end) * share

    @property
    def extent(self) -> int:
        return self.cycle * (1 + self.growth + self.growth**2)

    def _cycle_at(self, step: int) -> tuple[int, int]:
        """Length of the cycle in which `step` lies, and its place there."""
        if self.growth == 1:
            return self.cycle, step % self.cycle
        length = self.cycle
        while step >= length:
            step -= length
            length *= self.growth
        return length, step
