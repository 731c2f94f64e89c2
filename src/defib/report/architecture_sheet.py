"""An architecture as a sheet for other programs: CSV, and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from defib.records.architecture import Architecture, Count, Exactness
from defib.records.finding import Finding
from defib.report.architecture_columns import COLUMNS, Column, columns_called
from defib.report.architecture_facts import CONVENTIONS, doubts_of, facts_of, remarks_of
from defib.report.architecture_rows import Row, rows_of, total_row
from defib.report.architecture_table import TableOptions
from defib.report.architecture_totals import totals_of
from defib.report.architecture_work import work_cell
from defib.report.printable import printable
from defib.report.shapes import shapes_text

_IDENTITY = ("name", "call", "marks")


def architecture_as_csv(architecture: Architecture, options: TableOptions) -> str:
    """A line per layer call, numbers without separators; all columns if none are chosen.

    An unknown count is `?`, a lower bound begins with `>=`. There is no line of sums.
    """
    columns = columns_called(options.only) if options.only else COLUMNS
    rest = [column for column in columns if column.name != "layer"]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*_IDENTITY, *(column.name for column in rest)))
    for row in rows_of(architecture, options.depth):
        identity = (row.layer.name, row.layer.call, " ".join(row.marks))
        writer.writerow((*identity, *(_plain(column, row) for column in rest)))
    return buffer.getvalue()


def _plain(column: Column, row: Row) -> str:
    if column.count is None:
        return column.cell(row)
    count: Count = column.count(row.layer)
    if count.exactness is Exactness.UNKNOWN:
        return "?"
    return f">={count.value}" if count.exactness is Exactness.LOWER_BOUND else str(count.value)


def architecture_as_markdown(
    architecture: Architecture,
    options: TableOptions,
    findings: Sequence[Finding] = (),
    *,
    has_work: bool = False,
) -> str:
    """The table of layers, with the arithmetic in its cells if asked for, and the sums."""
    totals = totals_of(architecture, options.optimizer)
    facts = facts_of(architecture, totals, has_flops=options.has_flops)
    notes = [*(f"Not exact: {each}" for each in doubts_of(architecture))]
    notes += remarks_of(architecture)
    notes += [f"{each.severity.value}[{each.rule}] {each.message}" for each in findings]
    sizes = " -> ".join(map(shapes_text, (architecture.inputs, architecture.outputs)))
    parts = [
        f"# {printable(architecture.name)}",
        sizes,
        _table(architecture, options, has_work=has_work),
        "\n".join(f"- {fact.label}: **{fact.value}** {fact.detail}".rstrip() for fact in facts),
        "\n".join(f"- {printable(note)}" for note in notes),
        " ".join(CONVENTIONS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(architecture: Architecture, options: TableOptions, *, has_work: bool) -> str:
    rows = rows_of(architecture, options.depth)
    whole = total_row(architecture)
    columns = [
        column
        for column in options.columns
        if options.only or any(column.cell(row) for row in rows)
    ]
    cell = work_cell if has_work else Column.cell
    lines = [
        _line(column.title for column in columns),
        _line("---:" if column.count is not None else "---" for column in columns),
        *(_line(_named(column, row, cell(column, row)) for column in columns) for row in rows),
        _line(f"**{text}**" if text else "" for text in (each.cell(whole) for each in columns)),
    ]
    return "\n".join(lines)


def _named(column: Column, row: Row, text: str) -> str:
    """The cell; the name of a layer in full, since a table has no indents."""
    if column.name != "layer":
        return text
    marks = f" ({', '.join(row.marks)})" if row.marks else ""
    return f"{row.layer.name or row.label}{marks}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    # An asterisk between digits would begin italics.
    text = printable(text) if "\n" not in text else "<br>".join(map(printable, text.split("\n")))
    is_bold = text.startswith("**") and text.endswith("**")
    inner = text[2:-2] if is_bold else text
    inner = inner.replace("|", "\\|").replace("*", "\\*")
    return f"**{inner}**" if is_bold else inner
