"""Which steps are looked at."""

from __future__ import annotations

from typing import final

from defib.monitor.budget import Budget

FIRST_STEPS = 5
"""Always sampled, whatever they cost: faults of wiring and initialisation show here."""

LONGEST_INTERVAL = 1000
"""Steps between two samples at most, whatever the budget says."""

SHORTEST_FORCED_INTERVAL = 5
"""Steps between two samples that a jump of the loss asks for."""


@final
class Sampler:
    """Samples every step while the budget allows, then as often as it does."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._last = -LONGEST_INTERVAL
        self._cost = 0.0

    def wants(self, step: int, now: float, *, is_urgent: bool = False) -> bool:
        """Whether to sample `step`; `is_urgent` for one whose loss jumped."""
        since = step - self._last
        return (
            step < FIRST_STEPS
            or since >= LONGEST_INTERVAL
            or (is_urgent and since >= SHORTEST_FORCED_INTERVAL)
            or self._budget.allows(self._cost, now)
        )

    def sampled(self, step: int, cost: float) -> None:
        """A sample of `step` was taken and cost so many seconds."""
        # A moving average: the first samples, with cold caches, cost more than later ones.
        self._cost = cost if self._last < 0 else 0.7 * self._cost + 0.3 * cost
        self._last = step
