"""Notices, step by step, that a loss leaves its usual range."""

from __future__ import annotations

import math
from typing import final

WARM_UP = 20
"""Losses before any can be called unusual."""
DEVIATIONS = 8.0
"""Mean absolute deviations above the moving mean; 8 is about 6.4 standard deviations."""
DECAY = 0.95
"""Of the moving averages: a memory of about 20 steps."""


@final
class JumpDetector:
    """Moving mean and mean absolute deviation of one loss; a few operations a step."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._deviation = 0.0

    def is_jump(self, loss: float) -> bool:
        """Whether `loss` is non-finite or far above the recent ones; remembers it."""
        if not math.isfinite(loss):
            return True
        difference = loss - self._mean
        jumped = self._count >= WARM_UP and difference > DEVIATIONS * self._deviation
        self._count += 1
        # While few were seen, plain averages; then moving ones.
        weight = max(1 - DECAY, 1 / self._count)
        self._mean += weight * difference
        if self._count > 1:
            self._deviation += weight * (abs(difference) - self._deviation)
        return jumped
