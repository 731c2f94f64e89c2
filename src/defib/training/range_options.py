"""Which learning rates a range test tries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from defib.errors import UsageError


@final
@dataclass(frozen=True)
class RangeOptions:
    """The range that is swept, in `steps` optimiser steps of `accumulation` batches each.

    A hundred steps for each decade: with fewer, the training has no time to show at a learning
    rate what it does (`docs/lr-range.md` has numbers).
    """

    start: float = 1e-6
    end: float = 10.0
    steps: int = 700
    accumulation: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.start < self.end < math.inf:
            raise UsageError(
                f"Expected 0 < start < end for the learning rates, got start {self.start:g} and "
                f"end {self.end:g}."
            )
        if self.steps < 2 or self.accumulation < 1:
            raise UsageError(
                "Expected at least 2 steps and at least 1 batch for each, got "
                f"{self.steps} and {self.accumulation}."
            )
