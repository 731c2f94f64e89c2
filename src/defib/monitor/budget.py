"""How much of the wall time the monitor may use, and has used."""

from __future__ import annotations

import math
from typing import final

DEFAULT_SHARE = 0.01
"""Of the wall time of training."""

COST_FACTOR = 1.5
"""Seconds that the training loses for each second in the monitor's own functions: the steps after
it find other things in the caches, and scattered memory. `benchmarks/overhead.py --loops
transformer` gave 2.4 % in all where 1.6 to 1.8 % had been spent (10 s), and 2.0 where 1.2 had
(30 s): 1.3 to 1.7."""

INITIAL_SECONDS = 0.06
"""Credit at the start, so that the first steps, which tell most, are seen in full."""

EARLY_SECONDS = 0.045
"""Further credit that grows with the share: 1 % of the first 4.5 seconds by default. Both
credits together are 1 % of 10 seconds: a training of a minute stays near its share."""


@final
class Budget:
    """Time is in seconds, on the caller's clock, from the first training step.

    `spent` passed in the monitor's functions; `cost` is what the training lost by that.
    """

    def __init__(
        self, share: float = DEFAULT_SHARE, initial_seconds: float = INITIAL_SECONDS
    ) -> None:
        self.share = share
        self.initial_seconds = initial_seconds
        self.spent = 0.0
        self.started: float | None = None

    def start(self, now: float) -> None:
        """Training begins; later calls change nothing."""
        if self.started is None:
            self.started = now

    def elapsed(self, now: float) -> float:
        """Seconds since training began."""
        return 0.0 if self.started is None else now - self.started

    def cost(self, now: float) -> float:
        """Seconds by which the training is longer than without the monitor, estimated.

        Of the time outside the monitor's functions at most half: a run of few steps has some.
        """
        return min(COST_FACTOR * self.spent, (self.spent + self.elapsed(now)) / 2)

    def allows(self, further: float, now: float) -> bool:
        """Whether the monitor stays within its share when it spends `further` seconds.

        At first the share counts double, up to `EARLY_SECONDS` in all: short runs and the
        early steps of long ones are seen closely.
        """
        regular = self.share * self.elapsed(now)
        early = self.initial_seconds + min(regular, EARLY_SECONDS)
        return COST_FACTOR * (self.spent + further) <= early + regular

    def next_allowed(self, further: float) -> float:
        """The moment before which spending `further` seconds is surely not allowed."""
        missing = COST_FACTOR * (self.spent + further) - self.initial_seconds
        if self.started is None or missing <= 0:
            return -math.inf
        if self.share <= 0:
            return math.inf
        # While the share counts double, and after.
        return self.started + max(missing / 2, missing - EARLY_SECONDS) / self.share

    def overhead(self, now: float) -> float:
        """The cost relative to the training's own time."""
        cost = self.cost(now)
        own = self.elapsed(now) - cost
        return cost / own if own > 0 else 0.0
