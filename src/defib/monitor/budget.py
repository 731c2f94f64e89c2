"""How much of the wall time the monitor may use, and has used."""

from __future__ import annotations

import math
from typing import final

DEFAULT_SHARE = 0.01
"""Of the wall time of training."""

INITIAL_SECONDS = 0.03
"""Credit at the start, so that the first steps, which tell most, are seen in full."""

EARLY_SECONDS = 0.03
"""Further credit that grows with the share: 1 % of the first 3 seconds by default. Both
credits together are 1 % of 6 seconds: a training of half a minute stays near its share."""


@final
class Budget:
    """Time is in seconds, on the caller's clock, from the first training step."""

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

    def allows(self, cost: float, now: float) -> bool:
        """Whether `cost` more seconds keep the monitor within its share.

        At first the share counts double, up to `EARLY_SECONDS` in all: short runs and the
        early steps of long ones are seen closely.
        """
        regular = self.share * self.elapsed(now)
        early = self.initial_seconds + min(regular, EARLY_SECONDS)
        return self.spent + cost <= early + regular

    def next_allowed(self, cost: float) -> float:
        """The moment before which `cost` more seconds are surely not allowed."""
        missing = self.spent + cost - self.initial_seconds
        if self.started is None or missing <= 0:
            return -math.inf
        if self.share <= 0:
            return math.inf
        # While the share counts double, and after.
        return self.started + max(missing / 2, missing - EARLY_SECONDS) / self.share

    def overhead(self, now: float) -> float:
        """Time used relative to the training's own."""
        own = self.elapsed(now) - self.spent
        return self.spent / own if own > 0 else 0.0
