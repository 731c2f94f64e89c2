"""Down to a last value along a power of the remaining share of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class Polynomial(Schedule):
    """Falls from `start` to `end` within `steps` steps, and stays there.

    end + (start - end) * (1 - step / steps)^power; power 1 is a straight line.
    """

    has_end: ClassVar[bool] = True

    start: float
    """Value at step 0."""
    steps: int
    """Steps until the end is reached (not epochs)."""
    power: float = 1.0
    """Above 1 it falls faster at first, below 1 faster at last."""
    end: float = 0.0
    """Last value."""

    def __post_init__(self) -> None:
        self.require(self.steps >= 1, "steps", "at least 1")
        self.require(self.power > 0, "power", "above 0")

    def at(self, step: int) -> float:
        left = max(1 - step / self.steps, 0.0)
        return self.end + (self.start - self.end) * left**self.power

    @property
    def extent(self) -> int:
        return self.steps + 1
