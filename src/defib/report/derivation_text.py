"""A derivation for the terminal: numbered steps, reasons, formulas, and the checks at the end."""

from __future__ import annotations

from fractions import Fraction
from itertools import zip_longest
from typing import assert_never

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from defib.records.derivation import Cell, Check, Derivation, Picture, Step, Table
from defib.records.formula import Formula
from defib.report.formula_text import chain_lines, formula_text, number_text
from defib.report.printable import spans_of_code

WIDEST = 100
"""Columns; longer lines are hard to read."""
INDENT = 4
SHADES = " ░▒▓█"


def print_derivation(derivation: Derivation, console: Console) -> None:
    """Print the question, the steps by parts, the checks and the sources."""
    width = min(console.width, WIDEST)
    _line(console, Text(derivation.title, "bold"), width)
    _line(console, prose(derivation.question), width)
    part = ""
    for number, step in enumerate(derivation.steps, start=1):
        if step.part and step.part != part:
            console.print()
            _line(console, Text(step.part, "bold underline"), width)
        part = step.part
        console.print()
        _print_step(number, step, console, width)
    console.print()
    for check in derivation.checks:
        for number, line in enumerate(check_line(check).wrap(console, width - 2)):
            console.print(Text("  " if number else "").append_text(line), soft_wrap=True)
    for reference in derivation.references:
        _line(console, Text(reference, "dim"), width)


def prose(message: str, style: str = "") -> Text:
    """A sentence with what stands between backticks in another colour."""
    result = Text(style=style)
    for part, is_code in spans_of_code(message):
        result.append(part, "cyan" if is_code else "")
    return result


def check_line(check: Check) -> Text:
    """Whether the check agrees, how it was made, and the largest difference."""
    mark, style = ("✓", "green") if check.agrees else ("✗ DIFFERS", "bold red")
    return Text(f"{mark} ", style).append(check_text(check), "default")


def check_text(check: Check) -> str:
    """`autograd: all gradients (13 numbers compared, largest difference 0)`."""
    numbers = f"{check.compared:,} number{'s' if check.compared != 1 else ''}"
    how_far = f"largest difference {check.difference:.2g}"
    if check.tolerance:
        how_far += f", allowed {check.tolerance:.2g}"
    return f"{check.method}: {check.statement} ({numbers} compared, {how_far})"


def _print_step(number: int, step: Step, console: Console, width: int) -> None:
    heading = Text(f"{number:>2}. ").append_text(prose(step.statement))
    lines = heading.wrap(console, width - INDENT)
    for index, line in enumerate(lines):
        console.print(line if index == 0 else Text(" " * INDENT).append_text(line))
    if step.reason:
        _line(console, prose(step.reason, "dim"), width, INDENT)
    for formula in step.formulas:
        for line in chain_lines(formula, width - INDENT - 2):
            _line(console, Text(line), max(width, len(line) + INDENT + 2), INDENT + 2)
    if step.table is not None:
        console.print(Padding(_grid(step.table), (0, 0, 0, INDENT)))
    for line in _drawn(step.pictures, width - INDENT):
        _line(console, Text(line), width, INDENT)


def _line(console: Console, text: Text, width: int, indent: int = 0) -> None:
    for line in text.wrap(console, max(20, width - indent)):
        console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for index, column in enumerate(table.columns):
        is_amount = index > 0 and all(is_number(row[index]) for row in table.rows)
        grid.add_column(column, justify="right" if is_amount else "left")
    for row in table.rows:
        grid.add_row(*(Text(cell_text(cell)) for cell in row))
    return grid


def is_number(cell: Cell) -> bool:
    """Whether a cell holds nothing but one number, or nothing."""
    text = cell_text(cell)
    return not text or text.replace(",", "").replace("−", "").isdigit()


def cell_text(cell: Cell) -> str:
    """A cell on one line."""
    match cell:
        case str():
            return cell
        case Formula():
            return formula_text(cell)
        case _:
            assert_never(cell)


def _drawn(pictures: tuple[Picture, ...], width: int) -> list[str]:
    """The pictures side by side, as many as there is room for, each number in its shade."""
    blocks = [_block(picture) for picture in pictures]
    rows: list[list[list[str]]] = []
    for block in blocks:
        used = sum(len(each[0]) + 3 for each in rows[-1]) if rows else width
        if used + len(block[0]) > width:
            rows.append([])
        rows[-1].append(block)
    lines: list[str] = []
    for row in rows:
        widths = [len(block[0]) for block in row]
        for parts in zip_longest(*row, fillvalue=""):
            cells = (part.ljust(wide) for part, wide in zip(parts, widths, strict=True))
            lines.append("   ".join(cells).rstrip())
    return lines


def _block(picture: Picture) -> list[str]:
    numbers = [[number_text(each) for each in row] for row in picture.rows]
    wide = max(len(each) for row in numbers for each in row)
    shades = shades_of(picture)
    lines = [
        " ".join(
            f"{SHADES[round(shade * 4)]}{text.rjust(wide)}"
            for text, shade in zip(*each, strict=True)
        )
        for each in zip(numbers, shades, strict=True)
    ]
    widest = max(len(picture.title), len(lines[0]))
    return [line.ljust(widest) for line in (picture.title, *lines)]


def shades_of(picture: Picture) -> tuple[tuple[float, ...], ...]:
    """Each number between the smallest (0) and the largest (1); all 1 where they are alike."""
    flat = [each for row in picture.rows for each in row]
    low, high = min(*flat, Fraction(0)), max(flat)
    span = high - low or Fraction(1)
    return tuple(tuple(float((each - low) / span) for each in row) for row in picture.rows)
