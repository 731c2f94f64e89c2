"""The learning rate of a run, and a better one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.weights import WeightStep

USUAL_RATIO = 1e-3
"""Step over weight of a healthy training, dimensionless. Source: CS231n notes, "Neural
Networks Part 3"."""
LARGEST_HEALTHY_RATIO = 1e-2
"""The same for the layer that moves the most. Calibrated on the healthy twins of the fault
corpus, `benchmarks/calibration.py`."""
ADAPTIVE_FIRST_STEP = 5.0
"""First step of Adam over its usual ones, dimensionless: the first moves every entry by the
whole learning rate, later ones by the share of the gradient that is not noise."""


def learning_rates(run: RunRecord, optimizer: str) -> Series:
    """The finite learning rates of the first parameter group; empty where none was recorded."""
    return run.of("learning_rate").get(optimizer, Series.of([])).finite()


def rate_at(run: RunRecord, optimizer: str, step: int) -> float:
    """The learning rate last recorded at or before `step`, or the first; `nan` if unknown."""
    rates = learning_rates(run, optimizer)
    known = rates.between(0, step)
    return known.last if known else rates.first if rates else float("nan")


def rate_from(run: RunRecord, optimizer: str, step: int) -> float:
    """The learning rate first recorded at or after `step`, or the last; `nan` if unknown."""
    rates = learning_rates(run, optimizer)
    known = rates.between(step, run.steps)
    return known.first if known else rates.last if rates else float("nan")


def has_risen(run: RunRecord, optimizer: str, step: int, factor: float) -> bool:
    """Whether the learning rate at `step` is over `factor` times the one recorded before."""
    return rate_from(run, optimizer, step) > factor * rate_at(run, optimizer, step - 1)


def healthy_rate(
    run: RunRecord, optimizer: str, steps: Iterable[WeightStep], *, ratio: float
) -> float:
    """The learning rate at which these steps would have had size `ratio`; `nan` if unknown.

    Steps are taken to be proportional to the learning rate, as they are for SGD and Adam.
    """
    slopes = [each.size / rate_at(run, optimizer, each.step) for each in steps if each.size > 0]
    return ratio / float(np.median(slopes)) if slopes else float("nan")


def usual_over_first_step(run: RunRecord, optimizer: str) -> float:
    """How many times larger the steps become once the optimiser's averages have settled."""
    fact = run.optimizer(optimizer)
    hyperparameters = fact.hyperparameters if fact else {}
    if "betas[0]" in hyperparameters:
        return 1 / ADAPTIVE_FIRST_STEP
    return 1 / (1 - min(hyperparameters.get("momentum", 0.0), 0.99))


def climbs(run: RunRecord, optimizer: str) -> bool:
    """Whether the optimiser was told to maximise: no learning rate makes such a loss fall."""
    fact = run.optimizer(optimizer)
    return bool(fact and fact.hyperparameters.get("maximize"))


def rounded(value: float) -> str:
    """`value` with one significant digit: more would pretend to know."""
    return f"{float(f'{value:.0e}'):g}"
