"""Notices, step by step, that a loss leaves its usual range."""

from __future__ import annotations

import math
import sys
from typing import final

WARM_UP = 20
"""Losses before any can be called unusual."""
DEVIATIONS = 8.0
"""Mean absolute deviations above the moving mean; 8 is about 6.4 standard deviations."""
RELEVANT = 0.05
"""Of the mean of the first losses: a fitted network's loss, thousands of times smaller, jumps
about, and a jump that stays below a twentieth of where it began tells nothing."""
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
        self._level = 0.0

    def add(self, *losses: float) -> None:
        """Remember losses, the oldest first; what is not finite changes nothing."""
        count, mean, deviation = self._count, self._mean, self._deviation
        for loss in losses:
            difference = loss - mean
            if not math.isfinite(difference):
                continue
            count += 1
            # While few were seen, plain averages; then moving ones.
            weight = 1 - DECAY if count > 1 / (1 - DECAY) else 1 / count
            mean += weight * difference
            if count > 1:
                deviation += weight * (abs(difference) - deviation)
        self._count, self._mean, self._deviation = count, mean, deviation
        if count < WARM_UP:
            self._level = abs(mean)
            self.limit = sys.float_info.max
        else:
            self.limit = max(mean + DEVIATIONS * deviation, RELEVANT * self._level)
