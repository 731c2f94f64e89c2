"""A learning-rate range test for programs: strict JSON of a stable layout."""

from __future__ import annotations

import math
from collections.abc import Sequence

from defib.records.learning_rate_range import LearningRateRange, Mark
from defib.report.machine import JSON
from defib.report.printable import storable

LAYOUT_VERSION = "1.1"
"""Raised in its first part when a field is removed or changes its meaning, in its second
when one is added."""


def range_as_json(found: LearningRateRange) -> dict[str, JSON]:
    """Values that `json.dumps(..., allow_nan=False)` accepts; a mark that is missing is `null`.

    Numbers that JSON lacks are the strings `NaN`, `Infinity` and `-Infinity`.
    """
    sweep = found.sweep
    return {
        "version": LAYOUT_VERSION,
        "name": storable(found.name),
        "verdict": found.verdict.value,
        "reasons": [each.value for each in found.reasons],
        "suggestion": _mark(found.suggestion),
        "conservative": _mark(found.conservative),
        "steepest": _mark(found.steepest),
        "largest_stable": _mark(found.largest_stable),
        "current": found.current,
        "groups": [
            {"optimizer": each.optimizer, "index": each.index, "share": each.share}
            for each in found.groups
        ],
        "others": {each.name: each.learning_rate for each in found.others},
        "ending": sweep.ending.value,
        "first_loss": _value(sweep.first_loss),
        "learning_rates": list(sweep.learning_rates),
        "losses": _values(sweep.losses),
        "smooth": _values(found.smooth),
        "notes": [storable(each) for each in found.notes],
        "seconds": round(found.seconds, 3),
    }


def _mark(mark: Mark | None) -> JSON:
    return None if mark is None else {"value": mark.value, "low": mark.low, "high": mark.high}


def _values(values: Sequence[float]) -> list[JSON]:
    return [_value(each) for each in values]


def _value(value: float) -> JSON:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
