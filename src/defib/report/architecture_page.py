"""An architecture as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from defib.analysis.signal_propagation.results import SignalPropagation
from defib.records.architecture import Architecture
from defib.records.finding import Finding
from defib.report.architecture_columns import COLUMNS, Column
from defib.report.architecture_facts import CONVENTIONS, doubts_of, facts_of, remarks_of
from defib.report.architecture_rows import Row, rows_of, total_row
from defib.report.architecture_table import TableOptions
from defib.report.architecture_totals import totals_of
from defib.report.environment import template_environment
from defib.report.figures.field_growth import field_growth_picture
from defib.report.figures.signal_depth import signal_depth_picture
from defib.report.layer_work import Step, steps_of
from defib.report.shapes import shapes_text

LEFT_OUT = frozenset(
    {"formula", "site", "parameters", "padding-share", "offset", "input", "connections"}
)
"""Columns that the page shows elsewhere, or that say the same as others."""


@final
@dataclass(frozen=True)
class LayerView:
    """A row of the table with its cells, and its working."""

    row: Row
    cells: tuple[str, ...]
    steps: tuple[Step, ...]


def render_architecture(
    architecture: Architecture,
    options: TableOptions,
    findings: Sequence[Finding] = (),
    signals: SignalPropagation | None = None,
) -> str:
    """The page: no script, no address, nothing loaded; any name of the user's is text."""
    rows = rows_of(architecture, options.depth)
    columns = _columns(rows, options)
    whole = total_row(architecture)
    totals = totals_of(architecture, options.optimizer)
    pictures = [field_growth_picture(architecture)]
    if signals is not None:
        pictures.insert(0, signal_depth_picture(signals))
    return (
        template_environment()
        .get_template("architecture.html.j2")
        .render(
            architecture=architecture,
            findings=sorted(findings, key=lambda each: each.severity.weight),
            columns=columns,
            layers=[_view(row, columns) for row in rows],
            totals=[column.cell(whole) for column in columns],
            facts=facts_of(architecture, totals, has_flops=options.has_flops),
            remarks=remarks_of(architecture),
            doubts=[str(doubt) for doubt in doubts_of(architecture)],
            pictures=[picture for picture in pictures if picture is not None],
            conventions=CONVENTIONS,
            inputs=shapes_text(architecture.inputs, 4),
            outputs=shapes_text(architecture.outputs, 4),
        )
    )


def _columns(rows: Sequence[Row], options: TableOptions) -> tuple[Column, ...]:
    if options.only:
        return options.columns
    return tuple(
        column
        for column in COLUMNS
        if column.name not in LEFT_OUT
        and (column.name != "flops" or options.has_flops)
        and any(column.cell(row) for row in rows)
    )


def _view(row: Row, columns: Sequence[Column]) -> LayerView:
    cells = tuple(column.cell(row) for column in columns)
    return LayerView(row, cells, steps_of(row.layer, has_formulas=True))
