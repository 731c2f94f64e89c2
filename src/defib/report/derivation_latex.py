"""A derivation as a LaTeX document that needs nothing but amsmath."""

from __future__ import annotations

from defib.records.derivation import Cell, Derivation, Picture, Step, Table
from defib.records.formula import Formula
from defib.report.derivation_text import check_text, is_number
from defib.report.formula_latex import aligned_latex, escaped, formula_latex
from defib.report.formula_text import number_text
from defib.report.printable import spans_of_code

_PREAMBLE = r"""\documentclass[a4paper,11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\setcounter{MaxMatrixCols}{32}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
"""


def derivation_as_latex(derivation: Derivation) -> str:
    """A whole document: sections for the parts, an enumeration of steps, the checks."""
    lines = [_PREAMBLE, r"\begin{document}", rf"\section*{{{_prose(derivation.title)}}}"]
    lines.append(_prose(derivation.question))
    part = ""
    for number, step in enumerate(derivation.steps, start=1):
        if step.part and step.part != part:
            lines.append(rf"\subsection*{{{_prose(step.part)}}}")
        part = step.part
        lines += _step(number, step)
    lines += [r"\subsection*{Checks}", r"\begin{itemize}"]
    for check in derivation.checks:
        verdict = "agrees" if check.agrees else r"\textbf{differs}"
        lines.append(rf"\item {verdict}: {_prose(check_text(check))}")
    lines.append(r"\end{itemize}")
    lines += [rf"{{\small {_prose(each)}\par}}" for each in derivation.references]
    return "\n".join([*lines, r"\end{document}", ""])


def _step(number: int, step: Step) -> list[str]:
    lines = [rf"\textbf{{{number}.}} {_prose(step.statement)}"]
    if step.reason:
        lines.append(rf"\emph{{{_prose(step.reason)}}}")
    lines += [
        f"\\begin{{align*}}\n{aligned_latex(formula)}\n\\end{{align*}}" for formula in step.formulas
    ]
    if step.table is not None:
        lines.append(_table(step.table))
    lines += [_picture(picture) for picture in step.pictures]
    return [*lines, ""]


def _table(table: Table) -> str:
    alignments = "".join(
        "r" if index > 0 and all(is_number(row[index]) for row in table.rows) else "l"
        for index in range(len(table.columns))
    )
    head = " & ".join(rf"\textbf{{{_prose(column)}}}" for column in table.columns)
    rows = [" & ".join(map(_cell, row)) + r" \\" for row in table.rows]
    body = "\n".join([rf"{head} \\ \hline", *rows])
    return (
        "\\begin{center}\\small\n"
        f"\\begin{{tabular}}{{{alignments}}}\n{body}\n\\end{{tabular}}\n\\end{{center}}"
    )


def _cell(cell: Cell) -> str:
    return f"${formula_latex(cell)}$" if isinstance(cell, Formula) else _prose(cell)


def _picture(picture: Picture) -> str:
    rows = r" \\ ".join(
        " & ".join(number_text(each).replace("−", "-") for each in row) for row in picture.rows
    )
    title = rf"\text{{{_prose(picture.title)}: }}"
    return f"\\[ {title} \\begin{{bmatrix}} {rows} \\end{{bmatrix}} \\]"


def _prose(text: str) -> str:
    return "".join(
        rf"\texttt{{{escaped(part)}}}" if is_code else escaped(part)
        for part, is_code in spans_of_code(text)
    )
