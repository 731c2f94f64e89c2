"""A network for the terminal with the working of every number, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from defib.records.architecture import Architecture
from defib.records.finding import Finding
from defib.report.architecture_columns import Column, columns_called
from defib.report.architecture_facts import CONVENTIONS
from defib.report.architecture_rows import Row, rows_of, summed, total_row
from defib.report.architecture_table import TableOptions, print_header, print_totals
from defib.report.architecture_totals import totals_of
from defib.report.finding_text import print_findings
from defib.report.layer_work import LABELS, Step, count_line, steps_of, sum_line
from defib.report.shapes import shapes_text
from defib.report.text import Printer

QUANTITY_WIDTH = 19
"""Columns in which the name of a quantity stands."""


def print_work(
    architecture: Architecture,
    console: Console,
    options: TableOptions,
    findings: Sequence[Finding] = (),
) -> None:
    """Print each layer with its arithmetic, then the sums; a table if columns are chosen."""
    printer = Printer(console)
    print_header(printer, architecture)
    rows = rows_of(architecture, options.depth)
    if options.only:
        console.print(_table(printer, architecture, rows, options))
    else:
        for row in rows:
            _print_layer(printer, row, options)
        _print_sums(printer, architecture)
        printer.blank()
    print_totals(
        printer,
        architecture,
        totals_of(architecture, options.optimizer),
        has_flops=options.has_flops,
    )
    print_findings(printer, findings)
    printer.blank()
    printer.paragraph(printer.text(" ".join(CONVENTIONS), "dim"))


def _print_layer(printer: Printer, row: Row, options: TableOptions) -> None:
    layer = row.layer
    steps = steps_of(layer, has_formulas=options.has_formulas)
    if not steps:
        return
    printer.blank()
    heading = printer.text(layer.name or layer.type, "bold")
    if layer.name:
        heading.append(printer.clean(f"  {layer.type}"), "cyan")
    if row.marks:
        heading.append(printer.clean(f" ({', '.join(row.marks)})"), "yellow")
    arrow = f"  {shapes_text(layer.inputs)} -> {shapes_text(layer.outputs)}"
    heading.append(printer.clean(arrow if layer.inputs else arrow[5:]), "dim")
    printer.paragraph(heading)
    before = ""
    for step in steps:
        _print_step(printer, step, is_continued=step.quantity == before)
        before = step.quantity


def _print_step(printer: Printer, step: Step, *, is_continued: bool) -> None:
    name = "" if is_continued else step.quantity
    lead = printer.text(f"  {name}".ljust(QUANTITY_WIDTH), "dim")
    printer.paragraph(_result_in_bold(printer, step.line), lead=lead, indent=QUANTITY_WIDTH)


def _result_in_bold(printer: Printer, line: str) -> Text:
    arithmetic, sign, result = line.rpartition(" = ")
    return printer.text(arithmetic + sign) + printer.text(result, "bold")


def _print_sums(printer: Printer, architecture: Architecture) -> None:
    whole = total_row(architecture).layer
    printer.blank()
    printer.paragraph(printer.text("total", "bold"))
    for field, label in LABELS.items():
        if summed(architecture.layers, field).value:
            parts = [getattr(layer, field) for layer in architecture.layers]
            doubt = getattr(whole, field).reason
            line = sum_line(parts) + (f", a lower bound ({doubt})" if doubt else "")
            _print_step(printer, Step(field, label, line), is_continued=False)


def _table(
    printer: Printer, architecture: Architecture, rows: Sequence[Row], options: TableOptions
) -> Table:
    """A row for each layer, with the arithmetic in the cells of the chosen columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True, padding=(0, 1, 0, 0))
    whole = total_row(architecture)
    columns = columns_called(("layer", "type", *options.only))
    for column in columns:
        footer = Text(printer.clean(column.cell(whole)), "bold")
        table.add_column(column.title, footer, overflow="fold")
    for row in rows:
        name = printer.text(" " * row.indent + row.label)
        cells = [printer.text(work_cell(column, row)) for column in columns[1:]]
        table.add_row(name, *cells)
    return table


def work_cell(column: Column, row: Row) -> str:
    """The equation of a counted column; the lines of a size or a field; else the plain cell."""
    if column.count is not None:
        count = column.count(row.layer)
        return count_line(count) if column.cell(row) else ""
    field = {"output": "output", "receptive-field": "receptive_field"}.get(column.name)
    steps = steps_of(row.layer, fields=(field,)) if field else ()
    return "\n".join(step.line for step in steps) or column.cell(row)
