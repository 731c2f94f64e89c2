"""A network for the terminal: its layers as a table that fits, then the sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from defib.records.architecture import Architecture
from defib.records.finding import Finding
from defib.report.architecture_columns import (
    DISPENSABLE,
    FORMULAS,
    Column,
    columns_called,
    usual_columns,
)
from defib.report.architecture_facts import CONVENTIONS, doubts_of, facts_of, remarks_of
from defib.report.architecture_rows import Row, rows_of, total_row
from defib.report.architecture_totals import Totals, totals_of
from defib.report.finding_text import print_findings
from defib.report.shapes import shapes_text
from defib.report.text import Printer

GAP = 2
"""Columns between two columns."""
WIDEST_NAME = 28
NARROWEST = 14
"""Of a column whose text may wrap."""
WRAPPED = ("layer", "formula", "site", "input", "output")


@final
@dataclass(frozen=True)
class TableOptions:
    """What of a network is shown. `only`: names of columns; `depth`: see `rows_of`."""

    depth: int | None = None
    only: tuple[str, ...] = ()
    has_flops: bool = False
    has_formulas: bool = False
    optimizer: str | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those asked for, else the usual ones."""
        if self.only:
            formula = ("formula",) if self.has_formulas else ()
            return columns_called((*self.only, *formula))
        return (
            columns_called(FORMULAS)
            if self.has_formulas
            else usual_columns(has_flops=self.has_flops)
        )


def print_architecture(
    architecture: Architecture,
    console: Console,
    options: TableOptions,
    findings: Sequence[Finding] = (),
) -> None:
    """Print the network: header, layers, sums, what is not exact, findings, conventions."""
    printer = Printer(console)
    totals = totals_of(architecture, options.optimizer)
    print_header(printer, architecture)
    left_out = _print_layers(printer, console, architecture, options)
    if left_out:
        names = ", ".join(column.name for column in left_out)
        hint = f"No room for {names}: widen the terminal, or choose with --only."
        printer.paragraph(printer.text(hint, "dim"))
        printer.blank()
    print_totals(printer, architecture, totals, has_flops=options.has_flops)
    print_findings(printer, findings)
    printer.blank()
    printer.paragraph(printer.text(" ".join(CONVENTIONS), "dim"))


def print_header(printer: Printer, architecture: Architecture) -> None:
    """The name of the network, what goes in and what comes out."""
    line = printer.text(architecture.name, "bold")
    sizes = f"  {shapes_text(architecture.inputs, 4)} -> {shapes_text(architecture.outputs, 4)}"
    printer.paragraph(line + printer.text(sizes if architecture.outputs else sizes[:-4]))


def print_totals(
    printer: Printer, architecture: Architecture, totals: Totals, *, has_flops: bool
) -> None:
    """The sums over the network, then what is not exact and what else is to be known."""
    facts = facts_of(architecture, totals, has_flops=has_flops)
    labels = max(len(fact.label) for fact in facts) + GAP
    values = max(cell_len(fact.value) for fact in facts) + GAP
    for fact in facts:
        value = " " * (values - GAP - cell_len(fact.value)) + fact.value
        lead = Text(fact.label.ljust(labels)) + printer.text(value, "bold")
        printer.paragraph(printer.text(fact.detail, "dim"), lead=lead, indent=labels + values)
    doubts = [f"Not exact: {doubt}" for doubt in doubts_of(architecture)]
    for note in (*doubts, *remarks_of(architecture)):
        printer.blank()
        lead = Text("note  ", style="bold")
        printer.paragraph(printer.message(note), lead=lead, indent=6)


def _print_layers(
    printer: Printer, console: Console, architecture: Architecture, options: TableOptions
) -> tuple[Column, ...]:
    """Print the table of layers; the columns for which there was no room."""
    rows = rows_of(architecture, options.depth)
    columns = [each for each in options.columns if options.only or _is_needed(each, rows)]
    texts = {column.name: _texts(printer, column, rows) for column in columns}
    whole = total_row(architecture)
    totals = {column.name: column.cell(whole) for column in columns}
    shown = columns if options.only else fitting(columns, texts, totals, console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True, padding=(0, GAP - 1, 0, 0))
    for column in shown:
        can_wrap = column.name in WRAPPED
        table.add_column(
            column.title.replace(" ", "\n"),
            printer.clean(totals[column.name]),
            justify="right" if column.count is not None else "left",
            overflow="fold",
            no_wrap=not can_wrap,
            min_width=None if not can_wrap else min(NARROWEST, _widest(texts[column.name])),
            footer_style="bold",
        )
    for number, row in enumerate(rows):
        cells = [texts[column.name][number] for column in shown]
        table.add_row(*cells, style="" if row.layer.is_leaf or row.folded else "dim")
    console.print(table)
    return tuple(column for column in columns if column not in shown)


def _is_needed(column: Column, rows: Sequence[Row]) -> bool:
    """Columns that are empty throughout say nothing."""
    return any(column.cell(row) for row in rows)


def _texts(printer: Printer, column: Column, rows: Sequence[Row]) -> list[Text]:
    if column.name == "layer":
        return [_name(printer, row) for row in rows]
    return [printer.text(column.cell(row)) for row in rows]


def _name(printer: Printer, row: Row) -> Text:
    name = printer.text(" " * row.indent + row.label)
    if row.marks:
        name.append(f" ({', '.join(row.marks)})", "yellow")
    return name


def fitting(
    columns: Sequence[Column],
    texts: Mapping[str, Sequence[Text]],
    totals: Mapping[str, str],
    width: int,
) -> tuple[Column, ...]:
    """The columns that have room in `width`; the most dispensable ones go first."""
    needed = {
        column.name: _width(column, [*texts[column.name], Text(totals[column.name])])
        for column in columns
    }
    kept = {column.name for column in columns} - set(DISPENSABLE)
    # The table has a margin on both sides.
    room = width - 2 + GAP - sum(needed[name] + GAP for name in kept)
    for name in reversed(DISPENSABLE):
        if name in needed and needed[name] + GAP <= room:
            kept.add(name)
            room -= needed[name] + GAP
    return tuple(column for column in columns if column.name in kept)


def _width(column: Column, texts: Sequence[Text]) -> int:
    title = max(map(len, column.title.split()))
    widest = max(title, _widest(texts))
    return min(widest, WIDEST_NAME) if column.name in WRAPPED else widest


def _widest(texts: Sequence[Text]) -> int:
    return max((cell_len(text.plain) for text in texts), default=0)
