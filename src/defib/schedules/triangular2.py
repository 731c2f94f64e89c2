"""Up and down, half as high in each cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.schedules.base import Schedule
from defib.schedules.cycles import cycle_position


@final
@dataclass(frozen=True)
class Triangular2(Schedule):
    """Rises linearly from `start` to `peak` and falls back, half as high in each further cycle.

    start + (peak - start) * height(step) / 2^cycle. Source: Smith, *Cyclical Learning Rates for
    Training Neural Networks* (2017), arXiv:1506.01186.
    """

    start: float
    """Value at the foot of each cycle."""
    peak: float
    """Value at the top of the first cycle."""
    up: int
    """Steps from the foot to the top; Smith advises 2 to 8 epochs."""
    down: int = 0
    """Steps back to the foot; 0 means as many as up."""

    def __post_init__(self) -> None:
        self.require(self.up >= 1, "up", "at least 1 step")
        self.require(self.down >= 0, "down", "a number of steps")

    def at(self, step: int) -> float:
        position = cycle_position(step, self.up, self.down or self.up)
        return self.start + (self.peak - self.start) * position.height * 0.5**position.cycle

    @property
    def extent(self) -> int:
        return 3 * (self.up + (self.down or self.up)) + 1
