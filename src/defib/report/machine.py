"""A diagnosis for programs and agents: strict JSON of a stable layout."""

from __future__ import annotations

import math
from typing import TypeAlias

from defib.records.finding import Cause, Diagnosis
from defib.records.site import Site
from defib.report.printable import storable

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None

LAYOUT_VERSION = "1.0"
"""Raised in its first part when a field is removed or changes its meaning, in its second
when one is added."""


def diagnosis_as_json(diagnosis: Diagnosis) -> dict[str, JSON]:
    """The diagnosis as values that `json.dumps(..., allow_nan=False)` accepts.

    `findings` holds the causes by rank; what a cause explains stands in its `explains`.
    Numbers that JSON lacks are the strings `NaN`, `Infinity` and `-Infinity`.
    """
    return {
        "version": LAYOUT_VERSION,
        "script": storable(diagnosis.script),
        "steps": int(diagnosis.steps),
        "seconds": _value(diagnosis.seconds),
        "overhead": _value(diagnosis.overhead),
        "status": diagnosis.status.value,
        "summary": storable(diagnosis.summary),
        "findings": [
            cause_as_json(rank, cause) for rank, cause in enumerate(diagnosis.causes, start=1)
        ],
        "undecided_between": _texts(diagnosis.undecided_between),
        "not_evaluated": [
            {"rule": storable(each.rule), "reason": storable(each.reason)}
            for each in diagnosis.not_evaluated
        ],
        "notes": _texts(diagnosis.notes),
    }


def cause_as_json(rank: int, cause: Cause) -> dict[str, JSON]:
    """A cause by its rank from 1; what it explains by name."""
    finding = cause.finding
    return {
        "rule": storable(finding.rule),
        "severity": finding.severity.value,
        "certainty": finding.certainty.value,
        "rank": rank,
        "layer": storable(finding.layer),
        "site": _site(finding.site),
        "steps": [int(step) for step in finding.steps],
        "message": storable(finding.message),
        "evidence": {storable(name): _value(value) for name, value in finding.evidence.items()},
        "fixes": _texts(finding.fixes),
        "remedy": storable(finding.remedy),
        "explains": _texts(tuple(dict.fromkeys(each.rule for each in cause.symptoms))),
    }


def _site(site: Site | None) -> JSON:
    if site is None:
        return None
    return {"file": storable(site.file), "line": int(site.line), "code": storable(site.code)}


def _texts(texts: tuple[str, ...]) -> list[JSON]:
    return [storable(text) for text in texts]


def _value(value: float | str) -> JSON:
    if isinstance(value, str):
        return storable(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # Evidence may come as a scalar of numpy, which json refuses.
    return int(value) if isinstance(value, int) else float(value)
