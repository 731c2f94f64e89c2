"""Studies for the terminal: what was claimed, what the measurements say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from defib.records.study import Claim, StudyResult, Table, Value, Verdict
from defib.report.quantities import count, label_of, number
from defib.report.text import Printer

STYLES = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.UNDECIDED: "yellow"}

MOST_ROWS = 24
"""Of a table on the terminal; longer ones are on the page and in `result.json`."""


def print_study(
    result: StudyResult, console: Console, *, question: str, has_tables: bool = False
) -> None:
    """Print the question, the claims with their numbers, and the short tables."""
    printer = Printer(console)
    title = f"{result.study} ({', '.join(result.exercises)})"
    printer.paragraph(printer.text(title, "bold"))
    printer.paragraph(printer.text(question))
    for claim in result.claims:
        _print_claim(claim, printer)
    if has_tables:
        for name, table in result.tables.items():
            if len(table) <= MOST_ROWS and not name.endswith("-by-seed"):
                console.print(_grid(name, table, printer))
    printer.blank()
    printer.paragraph(printer.text(tally(result.claims)))


def print_studies(results: Sequence[StudyResult], console: Console) -> None:
    """Print all claims of several studies in one table."""
    printer = Printer(console)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("study", "claim", "verdict"):
        grid.add_column(head, overflow="fold")
    for result in results:
        for claim in result.claims:
            verdict = printer.text(claim.verdict.value, STYLES[claim.verdict])
            grid.add_row(printer.text(result.study), printer.text(claim.statement), verdict)
    console.print(grid)
    claims = [claim for result in results for claim in result.claims]
    amount = "1 study" if len(results) == 1 else f"{len(results):,} studies"
    printer.paragraph(printer.text(f"{amount}: {tally(claims)}"))


def print_catalogue(studies: Mapping[str, tuple[str, str]], console: Console) -> None:
    """Print each study's name with its exercises and question."""
    printer = Printer(console)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("study", "exercises", "question"):
        grid.add_column(head, overflow="fold")
    for name, (exercises, question) in studies.items():
        grid.add_row(printer.text(name, "bold"), printer.text(exercises), printer.text(question))
    console.print(grid)
    printer.paragraph(printer.text("`defib study run NAME` runs one of them.", "dim"))


def tally(claims: Sequence[Claim]) -> str:
    """`12 claims: 11 hold, 1 fails, 0 undecided.`"""
    counted = (counted_verdict(each, sum(c.verdict is each for c in claims)) for each in Verdict)
    return f"{count(len(claims), 'claim')}: {', '.join(counted)}."


def counted_verdict(verdict: Verdict, amount: int) -> str:
    """`1 holds`, `11 hold`, `3 undecided`."""
    is_verb = verdict is not Verdict.UNDECIDED
    word = verdict.value.removesuffix("s") if is_verb and amount != 1 else verdict.value
    return f"{amount:,} {word}"


def value_text(value: Value | object) -> str:
    """An entry of a table or of a claim's numbers, for readers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float | str) else str(value)


def numbers_text(numbers: Mapping[str, Value]) -> str:
    """`share 0.93 (0.91 to 0.94), networks 1,000`: bounds stand behind their estimate."""
    parts = []
    for name, value in numbers.items():
        if name.endswith(("_low", "_high")) and name.rpartition("_")[0] in numbers:
            continue
        text = f"{label_of(name)} {value_text(value)}"
        low, high = numbers.get(f"{name}_low"), numbers.get(f"{name}_high")
        if low is not None and high is not None:
            text += f" ({_short(low)} to {_short(high)})"
        parts.append(text)
    return ", ".join(parts)


def readable(table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows as text, each interval in the cell of its estimate."""
    names = table.columns
    is_bound = [n.endswith(("_low", "_high")) and n.rpartition("_")[0] in names for n in names]
    shown = [at for at, bound in enumerate(is_bound) if not bound]
    rows = tuple(tuple(_cell(table, row, at) for at in shown) for row in table.rows)
    return tuple(label_of(names[at]) for at in shown), rows


def _cell(table: Table, row: Sequence[Value], at: int) -> str:
    text = value_text(row[at])
    name = table.columns[at]
    if f"{name}_low" not in table.columns:
        return text
    low, high = row[table.columns.index(f"{name}_low")], row[table.columns.index(f"{name}_high")]
    if low is None or high is None or low == high:
        return text
    return f"{text} ({_short(low)} to {_short(high)})"


def _short(value: Value) -> str:
    return number(float(f"{value:.3g}")) if isinstance(value, int | float) else str(value)


def files_text(folder: Path) -> str:
    """Where a study's page and result are."""
    return f"page {folder / 'index.html'}, result {folder / 'result.json'}"


def _print_claim(claim: Claim, printer: Printer) -> None:
    mark = {
        Verdict.HOLDS: printer.symbols.healthy,
        Verdict.FAILS: printer.symbols.error,
        Verdict.UNDECIDED: printer.symbols.undecided,
    }[claim.verdict]
    lead = Text(f"{mark} {claim.verdict.value}".ljust(12), STYLES[claim.verdict])
    printer.blank()
    printer.paragraph(printer.text(claim.statement), lead=lead, indent=12)
    lines = [numbers_text(claim.numbers), claim.reason]
    if claim.published is not None:
        published = claim.published
        lines.append(
            f"Published: {published.finding} ({published.source}; {published.sureness.value})."
        )
    for line in filter(None, lines):
        printer.paragraph(printer.text(line, "dim"), lead=Text(" " * 12), indent=12)


def _grid(name: str, table: Table, printer: Printer) -> Grid:
    grid = Grid(
        title=printer.text(label_of(name)),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        title_justify="left",
    )
    heads, rows = readable(table)
    for index, head in enumerate(heads):
        is_key = index < table.keys
        grid.add_column(head, justify="left" if is_key else "right", overflow="fold")
    for row in rows:
        grid.add_row(*map(printer.text, row))
    return grid
