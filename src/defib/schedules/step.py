"""Down by a factor every so many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class Step(Schedule):
    """Starts at `start` and is multiplied by `factor` every `every` steps.

    start * factor^floor(step / every).
    """

    start: float
    """Value at step 0."""
    every: int
    """Steps between two changes."""
    factor: float = 0.1
    """Of each change."""

    def __post_init__(self) -> None:
        self.require(self.every >= 1, "every", "at least 1 step")
        self.require(self.factor >= 0, "factor", "at least 0")

    def at(self, step: int) -> float:
        return self.start * self.factor ** (step // self.every)

    @property
    def extent(self) -> int:
        return 4 * self.every
