"""Which steps are looked at, and how closely."""

from __future__ import annotations

import math
from enum import Enum
from typing import final

from defib.monitor.budget import Budget

FIRST_STEPS = 5
"""Always looked at closely, whatever they cost: faults of wiring and initialisation show here."""

FIRST_GLANCES = 100
"""Steps of which at least labels and predictions are noted: the order of labels and the
fluctuation of a flat loss need a stretch of neighbouring batches. A glance costs 0.3 to 0.7 ms."""

LONGEST_INTERVAL = 1000
"""Steps between two samples at most, whatever the budget says."""

BURST_SAMPLES = 10
"""Samples that follow a jump of the loss: enough for the window over which units count as
dead, and for the patience of the rules."""
BURST_INTERVAL = 5
"""Steps between two samples of a burst."""
MAXIMUM_BURSTS = 4
"""Bursts beyond the budget: where losses jump all the time, a jump tells little."""


class Look(Enum):
    """How closely a step is looked at."""

    NONE = "none"
    GLANCE = "glance"
    """Predictions and targets alone."""
    FULL = "full"
    """Everything, parameters and activations included."""


@final
class Sampler:
    """Samples every step while the budget allows, then as often as it does.

    The floor, whatever the budget: the first `FIRST_STEPS`, then steps 10, 20, 40, ... and,
    once these are further apart, one in `LONGEST_INTERVAL`; and a burst after a jump of the loss.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._last = -1
        self._cost = 0.0
        self._next_due = FIRST_STEPS
        self._bursts = 0
        self._burst_left = 0
        self.quiet_until = -math.inf
        """Before this moment the budget allows no sample."""

    def quiet_steps(self, step: int, now: float) -> int:
        """How many steps from `step` on are surely not looked at unless their losses jump.

        That holds until the moment `quiet_until` only.
        """
        if now >= self.quiet_until or step < FIRST_GLANCES:
            return 0
        return max(0, self._next_due - step)

    def look(self, step: int, now: float, *, is_urgent: bool = False) -> Look:
        """How to look at `step`; `is_urgent` for one whose loss jumped."""
        if is_urgent and self._burst_left == 0 and self._bursts < MAXIMUM_BURSTS:
            self._bursts += 1
            self._burst_left = BURST_SAMPLES
        if (
            step < FIRST_STEPS
            or step >= self._next_due
            or (self._burst_left > 0 and step - self._last >= BURST_INTERVAL)
            or self._budget.allows(self._cost, now)
        ):
            self.quiet_until = -math.inf
            return Look.FULL
        if self._burst_left > 0:
            return Look.GLANCE
        # What the monitor spends meanwhile only moves the moment further away.
        self.quiet_until = self._budget.next_allowed(self._cost)
        return Look.GLANCE if step < FIRST_GLANCES else Look.NONE

    def sampled(self, step: int, cost: float) -> None:
        """A full sample of `step` was taken and cost so many seconds."""
        # A moving average: the first sample, with cold caches, costs more than later ones.
        self._cost = cost if self._last < 0 else 0.7 * self._cost + 0.3 * cost
        self._last = step
        self._burst_left = max(0, self._burst_left - 1)
        self._next_due = min(max(2 * step, FIRST_STEPS), step + LONGEST_INTERVAL)
