"""A derivation as one HTML file that needs nothing else: formulas are MathML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from markupsafe import Markup, escape

from defib.records.derivation import Cell, Check, Derivation, Picture, Step
from defib.records.formula import Formula
from defib.report.derivation_text import check_text, is_number, shades_of
from defib.report.environment import template_environment
from defib.report.formula_mathml import chain_rows, inline_mathml
from defib.report.formula_text import number_text


@final
@dataclass(frozen=True)
class StepView:
    """A step with its formulas as rows of MathML, its table and its pictures as cells."""

    number: int
    step: Step
    has_heading: bool
    formulas: tuple[tuple[tuple[Markup, Markup], ...], ...]
    rows: tuple[tuple[Markup, ...], ...]
    is_amount: tuple[bool, ...]
    pictures: tuple[PictureView, ...]


@final
@dataclass(frozen=True)
class PictureView:
    """A picture with each number's text and its darkness in percent."""

    title: str
    rows: tuple[tuple[tuple[str, int], ...], ...]


def render_derivation(derivation: Derivation) -> str:
    """The page: no script, no address, nothing loaded; any text of the user's is text."""
    parts = ["", *(step.part for step in derivation.steps)]
    views = [
        _view(number, step, has_heading=bool(step.part) and step.part != parts[number - 1])
        for number, step in enumerate(derivation.steps, start=1)
    ]
    checks: list[tuple[Check, str]] = [(each, check_text(each)) for each in derivation.checks]
    template = template_environment().get_template("derivation.html.j2")
    return template.render(derivation=derivation, steps=views, checks=checks)


def _view(number: int, step: Step, *, has_heading: bool) -> StepView:
    table = step.table
    rows = () if table is None else table.rows
    columns = 0 if table is None else len(table.columns)
    return StepView(
        number,
        step,
        has_heading,
        tuple(_formula(each) for each in step.formulas),
        tuple(tuple(map(_cell, row)) for row in rows),
        tuple(i > 0 and all(is_number(row[i]) for row in rows) for i in range(columns)),
        tuple(map(_picture, step.pictures)),
    )


def _formula(written: Formula) -> tuple[tuple[Markup, Markup], ...]:
    # Built from our own elements around escaped names: see formula_mathml.
    return tuple((Markup(left), Markup(right)) for left, right in chain_rows(written))


def _cell(cell: Cell) -> Markup:
    return Markup(inline_mathml(cell)) if isinstance(cell, Formula) else escape(cell)


def _picture(picture: Picture) -> PictureView:
    rows = tuple(
        tuple((number_text(value), round(80 * shade)) for value, shade in zip(*each, strict=True))
        for each in zip(picture.rows, shades_of(picture), strict=True)
    )
    return PictureView(picture.title, rows)
