"""A metric over optimiser steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, eq=False)
class Series:
    """Values of one metric of one subject, by optimiser step (from 0, ascending).

    `values` may hold `nan` and infinities: they were measured, and are never dropped.
    """

    steps: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, values: Sequence[float], steps: Sequence[int] | None = None) -> Series:
        """A series from plain numbers; steps 0, 1, 2, ... where none are given."""
        array = np.asarray(values, dtype=np.float64)
        return cls(np.arange(len(array)) if steps is None else np.asarray(steps), array)

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return len(self.steps) > 0

    @property
    def first(self) -> float:
        return float(self.values[0])

    @property
    def last(self) -> float:
        return float(self.values[-1])

    def _where(self, mask: np.ndarray) -> Series:
        return Series(self.steps[mask], self.values[mask])

    def finite(self) -> Series:
        """The entries that are neither `nan` nor infinite."""
        return self._where(np.isfinite(self.values))

    def between(self, first: int, last: int) -> Series:
        """The entries of the steps `first` to `last`, both included."""
        low, high = np.searchsorted(self.steps, (first, last + 1))
        return Series(self.steps[low:high], self.values[low:high])

    def final_stretch(self, mask: np.ndarray) -> Series:
        """The longest run of entries at the end for which `mask` is true (maybe empty)."""
        false = np.flatnonzero(~mask)
        start = int(false[-1]) + 1 if len(false) else 0
        return Series(self.steps[start:], self.values[start:])

    def final_stretch_above(self, limit: float) -> Series:
        """The entries at the end that are all greater than `limit`."""
        return self.final_stretch(self.values > limit)

    def final_stretch_below(self, limit: float) -> Series:
        """The entries at the end that are all less than `limit`."""
        return self.final_stretch(self.values < limit)

    def part(self, start: float, end: float) -> Series:
        """The entries from fraction `start` to fraction `end` of the entries, in [0, 1]."""
        low, high = round(start * len(self)), round(end * len(self))
        return Series(self.steps[low:high], self.values[low:high])

    def median(self) -> float:
        """Median of the finite values; `nan` if there is none."""
        values = self.values[np.isfinite(self.values)]
        return float(np.median(values)) if len(values) else float("nan")

    def mean(self) -> float:
        """Mean of the finite values; `nan` if there is none."""
        values = self.values[np.isfinite(self.values)]
        return float(values.mean()) if len(values) else float("nan")
