"""Tables of what a job measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from defib.records.study import Table, Value

DIGITS = 9
"""Significant, of every number: they identify a float32, and keep files small."""


def table(keys: str, values: str, rows: Iterable[Sequence[object]]) -> Table:
    """A table whose columns are named in two texts, with plain numbers for those of NumPy."""
    names = (*keys.split(), *values.split())
    plain = tuple(tuple(as_value(each) for each in row) for row in rows)
    return Table(names, plain, len(keys.split()))


def as_value(entry: object) -> Value:
    """A number, truth value or text as Python's own type; floats to nine significant digits."""
    if isinstance(entry, np.generic):
        entry = entry.item()
    if isinstance(entry, float):
        return float(f"{entry:.{DIGITS}g}")
    assert entry is None or isinstance(entry, bool | int | str), entry
    return entry
