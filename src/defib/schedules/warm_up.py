"""A rise in front of any schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rises linearly to where `then` begins, and goes on with `then` from its step 0.

    then.at(0) * (first + (1 - first) * step / steps) before step `steps`, then.at(step - steps)
    after it. Source: Goyal et al., *Accurate, Large Minibatch SGD* (2017), arXiv:1706.02677.
    """

    then: Schedule
    """What follows."""
    steps: int
    """Steps of the rise; the schedule that follows is later by as many."""
    first: float = 0.0
    """Value at step 0, as a share of the first value of what follows. At 0 the first step
    changes nothing."""

    def __post_init__(self) -> None:
        self.require(self.steps >= 0, "steps", "a number of steps")
        self.require(self.first >= 0, "first", "a share, 0 or above")

    def at(self, step: int) -> float:
        if step >= self.steps:
            return self.then.at(step - self.steps)
        share = step / self.steps
        return self.then.at(0) * (self.first + (1 - self.first) * share)

    @property
    def extent(self) -> int:
        return self.steps + self.then.extent
