"""Which parameters a picture by layer shows, in the order of the forward pass."""

from __future__ import annotations

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series


def weight_series(run: RunRecord, metric: str) -> dict[str, Series]:
    """The metric of each weight matrix or kernel; of all parameters where there is none."""
    every = dict(sorted(run.of(metric).items(), key=lambda each: _order(run, each[0])))
    weights = {name: series for name, series in every.items() if series and _is_weight(run, name)}
    return weights or {name: series for name, series in every.items() if series}


def layer_of(run: RunRecord, parameter: str) -> str:
    """The layer that owns the parameter, by the record or by its name."""
    fact = run.parameter(parameter)
    return fact.layer if fact else parameter.rpartition(".")[0]


def root_mean_square(run: RunRecord, norms: dict[str, Series]) -> dict[str, Series] | None:
    """Each norm divided by the root of its parameter's size; `None` if a size is unknown."""
    result = {}
    for name, series in norms.items():
        fact = run.parameter(name)
        if fact is None or fact.size == 0:
            return None
        result[name] = Series(series.steps, series.values / np.sqrt(fact.size))
    return result


def _order(run: RunRecord, parameter: str) -> int:
    return run.layer_order(layer_of(run, parameter))


def _is_weight(run: RunRecord, parameter: str) -> bool:
    fact = run.parameter(parameter)
    return len(fact.shape) >= 2 if fact else parameter.endswith("weight")
