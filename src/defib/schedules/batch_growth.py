"""Batches that grow by a factor every so many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from defib.schedules.base import Quantity, Schedule


@final
@dataclass(frozen=True)
class BatchGrowth(Schedule):
    """Starts at `first` examples and is multiplied by `factor` every `every` steps, up to `last`.

    min(last, first * factor^floor(step / every)), rounded down to whole examples. Source: Smith,
    Kindermans, Ying, Le, *Don't Decay the Learning Rate, Increase the Batch Size* (2018),
    arXiv:1711.00489.
    """

    quantity: ClassVar[Quantity] = Quantity.BATCH_SIZE

    every: int
    """Optimiser steps between two changes."""
    first: int = 32
    """Examples of the first batch."""
    last: int = 16_384
    """Examples beyond which no batch grows."""
    factor: float = 2.0
    """Of each change."""

    def __post_init__(self) -> None:
        self.require(self.every >= 1, "every", "at least 1 step")
        self.require(self.first >= 1, "first", "at least 1 example")
        self.require(self.last >= self.first, "last", "at least as large as first")
        self.require(self.factor > 1, "factor", "above 1")

    def at(self, step: int) -> float:
        changes = step // self.every
        if changes >= self._changes:
            return float(self.last)
        return float(min(int(self.first * self.factor**changes), self.last))

    @property
    def extent(self) -> int:
        return (self._changes + 1) * self.every

    @property
    def _changes(self) -> int:
        """Changes until the last size is reached. Rounded first: 9 doublings are 9, not 10."""
        return math.ceil(round(math.log(self.last / self.first, self.factor), 9))
