"""A derivation as Markdown with LaTeX formulas between dollar signs, as GitHub shows them."""

from __future__ import annotations

from defib.records.derivation import Cell, Derivation, Picture, Step, Table
from defib.records.formula import Formula
from defib.report.derivation_text import check_text
from defib.report.formula_latex import aligned_latex, formula_latex
from defib.report.formula_text import number_text
from defib.report.printable import printable


def derivation_as_markdown(derivation: Derivation) -> str:
    """Headings for the parts, numbered steps, display formulas, tables, and the checks."""
    blocks = [f"# {derivation.title}", printable(derivation.question)]
    part = ""
    for number, step in enumerate(derivation.steps, start=1):
        if step.part and step.part != part:
            blocks.append(f"## {step.part}")
        part = step.part
        blocks += _blocks(number, step)
    blocks.append("## Checks")
    blocks.append(
        "\n".join(
            f"- {'agrees' if check.agrees else '**differs**'}: {check_text(check)}"
            for check in derivation.checks
        )
    )
    if derivation.references:
        blocks.append("## References")
        blocks.append("\n".join(f"- {each}" for each in derivation.references))
    return "\n\n".join(blocks) + "\n"


def _blocks(number: int, step: Step) -> list[str]:
    blocks = [f"**{number}.** {printable(step.statement)}"]
    if step.reason:
        blocks.append(f"*{printable(step.reason)}*")
    blocks += [_display(formula) for formula in step.formulas]
    if step.table is not None:
        blocks.append(_table(step.table))
    blocks += [_picture(picture) for picture in step.pictures]
    return blocks


def _display(formula: Formula) -> str:
    return f"$$\n\\begin{{aligned}}\n{aligned_latex(formula)}\n\\end{{aligned}}\n$$"


def _table(table: Table) -> str:
    lines = [table.columns, ("---",) * len(table.columns)]
    rows = [tuple(map(_cell, row)) for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (*lines, *rows))


def _cell(cell: Cell) -> str:
    if isinstance(cell, Formula):
        return f"${formula_latex(cell).replace('|', chr(92) + 'vert ')}$"
    return printable(cell).replace("|", "\\|")


def _picture(picture: Picture) -> str:
    rows = "\n".join(" ".join(f"{number_text(each):>4}" for each in row) for row in picture.rows)
    return f"{picture.title}:\n\n```text\n{rows}\n```"
