"""Estimates how far a training gets in some time."""

from __future__ import annotations

import math
from typing import final


@final
class Pace:
    """Seconds that a step takes, judged by those since the last look at the clock."""

    def __init__(self, now: float) -> None:
        self._step = 0
        self._moment = now
        self._seconds = math.inf

    def steps_until(self, moment: float, *, step: int, now: float) -> int:
        """How many steps end before `moment`, if they take as long as the latest ones.

        `now` is when `step` began. 0 where nothing is known, or `moment` is past.
        """
        if step > self._step:
            self._seconds = (now - self._moment) / (step - self._step)
            self._step, self._moment = step, now
        return int(max(0.0, moment - now) / max(self._seconds, 1e-9))
