"""Notices, step by step, that a loss leaves its usual range."""

from __future__ import annotations

import math
import sys
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
        self.limit = sys.float_info.max
        """A loss that is not at most this is unusual: above it, or not a number."""
        self._count = 0
        self._mean = 0.0
        self._deviation = 0.0

    def add(self, loss: float) -> None:
        """Remember `loss`; what is not finite leaves the usual range as it is."""
        difference = loss - self._mean
        if not math.isfinite(difference):
            return
        self._count += 1
        # While few were seen, plain averages; then moving ones.
        weight = max(1 - DECAY, 1 / self._count)
        self._mean += weight * difference
        if self._count > 1:
            self._deviation += weight * (abs(difference) - self._deviation)
        usual = self._mean + DEVIATIONS * self._deviation
        self.limit = usual if self._count >= WARM_UP else sys.float_info.max
