"""The learning rate of a run, and a better one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.weights import WeightStep

HEALTHY_RATIO = 3e-3
"""Step over weight that a suggestion aims at (dimensionless): between the 1e-3 of the CS231n
notes ("Neural Networks Part 3") and the 1e-2 that healthy small networks show."""


def learning_rates(run: RunRecord, optimizer: str) -> Series:
    """The finite learning rates of the first parameter group; empty where none was recorded."""
    return run.of("learning_rate").get(optimizer, Series.of([])).finite()


def rate_at(run: RunRecord, optimizer: str, step: int) -> float:
    """The learning rate last recorded at or before `step`, or the first; `nan` if unknown."""
    rates = learning_rates(run, optimizer)
    known = rates.between(0, step)
    return known.last if known else rates.first if rates else float("nan")


def healthy_rate(run: RunRecord, optimizer: str, steps: Iterable[WeightStep]) -> float:
    """The learning rate at which these steps would have had `HEALTHY_RATIO`; `nan` if unknown.

    Steps are taken to be proportional to the learning rate, as they are for SGD and Adam.
    """
    slopes = [each.size / rate_at(run, optimizer, each.step) for each in steps if each.size > 0]
    return HEALTHY_RATIO / float(np.median(slopes)) if slopes else float("nan")


def rounded(value: float) -> str:
    """`value` with one significant digit: more would pretend to know."""
    return f"{float(f'{value:.0e}'):g}"
