"""A check before the first step, for programs: strict JSON of a stable layout."""

from __future__ import annotations

from defib.records.preflight import Checkup
from defib.report.machine import JSON, cause_as_json
from defib.report.printable import storable

LAYOUT_VERSION = "1.0"
"""Raised in its first part when a field is removed or changes its meaning, in its second
when one is added."""


def checkup_as_json(checkup: Checkup) -> dict[str, JSON]:
    """Values that `json.dumps(..., allow_nan=False)` accepts; findings as in `diagnosis.json`."""
    return {
        "version": LAYOUT_VERSION,
        "script": storable(checkup.script),
        "status": checkup.status.value,
        "summary": storable(checkup.summary),
        "findings": [cause_as_json(rank, each) for rank, each in enumerate(checkup.causes, 1)],
        "passed": [storable(name) for name in checkup.passed],
        "not_evaluated": [
            {"rule": storable(each.rule), "reason": storable(each.reason)}
            for each in checkup.not_evaluated
        ],
        "notes": [storable(note) for note in checkup.notes],
        "seconds": round(checkup.seconds, 3),
    }
