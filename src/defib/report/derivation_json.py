"""A derivation for programs: formulas as text and LaTeX, results as numbers and exact texts."""

from __future__ import annotations

from fractions import Fraction

from defib.records.derivation import Cell, Check, Derivation, Result, Step
from defib.records.formula import Formula
from defib.report.formula_latex import formula_latex
from defib.report.formula_text import formula_text
from defib.report.machine import JSON

LAYOUT_VERSION = "1.0"
"""Raised in its first part when a field is removed or changes its meaning, in its second
when one is added."""


def derivation_as_json(derivation: Derivation) -> dict[str, JSON]:
    """The derivation as values that `json.dumps(..., allow_nan=False)` accepts.

    A rational result is a text such as `"-1/2"`: nothing is rounded.
    """
    return {
        "version": LAYOUT_VERSION,
        "name": derivation.name,
        "title": derivation.title,
        "question": derivation.question,
        "steps": [_step(step) for step in derivation.steps],
        "results": {name: _result(value) for name, value in derivation.results.items()},
        "checks": [_check(check) for check in derivation.checks],
        "confirmed": derivation.is_confirmed,
        "references": list(derivation.references),
    }


def _step(step: Step) -> dict[str, JSON]:
    content: dict[str, JSON] = {
        "part": step.part,
        "statement": step.statement,
        "reason": step.reason,
        "formulas": [_formula(each) for each in step.formulas],
    }
    if step.table is not None:
        content["table"] = {
            "columns": list(step.table.columns),
            "rows": [[_cell(cell) for cell in row] for row in step.table.rows],
        }
    if step.pictures:
        content["pictures"] = [
            {"title": each.title, "rows": [[_result(value) for value in row] for row in each.rows]}
            for each in step.pictures
        ]
    return content


def _formula(written: Formula) -> dict[str, JSON]:
    return {"text": formula_text(written), "latex": formula_latex(written)}


def _cell(cell: Cell) -> JSON:
    return _formula(cell) if isinstance(cell, Formula) else cell


def _result(value: Result) -> JSON:
    return str(value) if isinstance(value, Fraction) else value


def _check(check: Check) -> dict[str, JSON]:
    return {
        "method": check.method,
        "statement": check.statement,
        "compared": check.compared,
        "difference": float(check.difference),
        "tolerance": check.tolerance,
        "agrees": check.agrees,
    }
