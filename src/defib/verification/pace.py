"""How long a re-run takes, by what the watched run took, and how long all of them may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from defib.records.run import RunRecord

START_SECONDS = 6.0
"""From the start to the first step, where a record does not tell: of a process that imports
torch, on a busy machine."""
END_SECONDS = 2.0
"""From the last step to the end: the verdict on a re-run, and the reading of its record."""
ROUNDING = 1e-9
"""Relative, of sums of seconds."""


@final
@dataclass(frozen=True)
class Cost:
    """Seconds of trials, one after the other: `trained` from the first step to the last, `watched`
    from the start of the program to its last step."""

    trained: float
    watched: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.trained - other.trained, self.watched - other.watched)

    def is_within(self, limit: Cost) -> bool:
        """Whether both are."""
        pairs = ((self.trained, limit.trained), (self.watched, limit.watched))
        return all(own <= most + ROUNDING * own for own, most in pairs)


@final
@dataclass(frozen=True)
class Pace:
    """Seconds from the start of a program to its first step, and for each step.

    The first are `nan` where the watched run did not record them; they cost nothing then.
    """

    start: float
    step: float

    def cost(self, steps: Sequence[int]) -> Cost:
        """Of trials of so many steps each."""
        trained = sum(steps) * self.step
        return Cost(trained, trained + len(steps) * self._known_start)

    def limit(self, steps: int, factor: float, jobs: int) -> Cost:
        """What all trials may cost of which `jobs` run at once.

        They train for at most `factor` times as long as the watched run of `steps` steps did, and
        take at most `factor` times as long as it took from its start to its last step.
        """
        watched = self.cost([steps])
        return Cost(factor * watched.trained, factor * jobs * watched.watched)

    def whole(self, steps: int) -> float:
        """From the start to the end of a trial of `steps` steps."""
        start = START_SECONDS if math.isnan(self.start) else self.start
        return start + steps * self.step + END_SECONDS

    @property
    def _known_start(self) -> float:
        return 0.0 if math.isnan(self.start) else self.start


def pace_of(record: RunRecord) -> Pace:
    return Pace(record.seconds_before, record.seconds / max(record.steps, 1))


def larger(one: Cost, other: Cost) -> Cost:
    """The larger of each."""
    return Cost(max(one.trained, other.trained), max(one.watched, other.watched))


def side_by_side(seconds: Iterable[float], jobs: int) -> float:
    """How long trials take of which `jobs` run at once, each begun when another one ends."""
    ends = [0.0] * jobs
    for each in seconds:
        ends[ends.index(min(ends))] += each
    return max(ends)
