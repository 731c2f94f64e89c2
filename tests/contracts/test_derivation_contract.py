"""What is true for every derivation, whoever wrote it."""

import ast
import inspect
import io
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from defib.crosschecks.base import confirmed
from defib.derivations.base import Problem, every_problem, options_of
from defib.derivations.evaluation import value_of
from defib.records.derivation import Derivation
from defib.records.formula import Chain, Formula
from defib.report.derivation_json import derivation_as_json
from defib.report.derivation_latex import derivation_as_latex
from defib.report.derivation_markdown import derivation_as_markdown
from defib.report.derivation_page import render_derivation
from defib.report.derivation_text import print_derivation
from defib.report.formula_latex import formula_latex

TESTS = Path(__file__).resolve().parent.parent
NEEDED: dict[str, dict[str, Any]] = {
    "backprop": {"example": True},
    "optimizer": {"optimizer": "adam", "versus": "rmsprop"},
    "parameters": {"example": "screenshots", "dense": True},
    "shapes": {"example": "small-classifier"},
}
"""What those derivations are asked that cannot be asked nothing."""

every_derivation = pytest.mark.parametrize("problem", every_problem(), ids=lambda p: p.name())


@cache
def derived(problem: type[Problem]) -> Derivation:
    return confirmed(problem(**NEEDED.get(problem.name(), {})))


def formulas_of(derivation: Derivation) -> list[Formula]:
    tables = [step.table for step in derivation.steps if step.table is not None]
    cells = [cell for table in tables for row in table.rows for cell in row]
    lines = [formula for step in derivation.steps for formula in step.formulas]
    return [*lines, *(cell for cell in cells if isinstance(cell, Formula))]


def text_of(derivation: Derivation, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_derivation(derivation, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@every_derivation
def test_every_check_agrees(problem: type[Problem]):
    derivation = derived(problem)
    assert derivation.checks
    assert [check.statement for check in derivation.checks if not check.agrees] == []


@every_derivation
def test_something_else_than_its_own_equations_checks_it(problem: type[Problem]):
    methods = {check.method for check in derived(problem).checks}
    assert methods - {"evaluation"}


@every_derivation
def test_it_has_steps_with_formulas_and_results(problem: type[Problem]):
    derivation = derived(problem)
    assert len(derivation.steps) >= 3
    assert len(formulas_of(derivation)) >= 3
    assert derivation.results


@every_derivation
def test_no_number_is_typed_into_its_prose(problem: type[Problem]):
    """Digits of a decimal, or more than one digit, stand in data or references only."""
    tree = ast.parse(Path(inspect.getfile(problem)).read_text(encoding="utf-8"))
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Step"
    ]
    texts = [
        inner.value
        for call in calls
        for inner in ast.walk(call)
        if isinstance(inner, ast.Constant)
        and isinstance(inner.value, str)
        and inner not in docstrings
    ]
    typed = [text for text in texts if re.search(r"\d\.\d|(?<![\w^])\d{2,}", text)]
    assert typed == []


@every_derivation
def test_its_numeric_equations_are_evaluated(problem: type[Problem]):
    chains = [each for each in formulas_of(derived(problem)) if isinstance(each, Chain)]
    numeric = [
        each for each in chains if sum(value_of(member) is not None for member in each.members) > 1
    ]
    is_checked = any(check.method == "evaluation" for check in derived(problem).checks)
    assert is_checked or not numeric


@every_derivation
def test_no_line_is_wider_than_the_terminal(problem: type[Problem]):
    assert max(map(cell_len, text_of(derived(problem)).splitlines())) <= 80


@every_derivation
def test_every_formula_is_latex_that_a_parser_accepts(problem: type[Problem]):
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for formula in formulas_of(derived(problem)):
        text = formula_latex(formula)
        if "pmatrix" in text:
            continue  # the parser has no matrices
        known = text.replace(r"\text{", r"\mathrm{").replace(r"\(", "").replace(r"\)", " ")
        parser.parse(f"${known}$")


@every_derivation
def test_the_latex_document_has_only_characters_that_latex_knows(problem: type[Problem]):
    document = derivation_as_latex(derived(problem))
    assert {each for each in document if not each.isascii()} <= set("äöüéŁŠ’ ")
    assert document.count(r"\begin{") == document.count(r"\end{")


@every_derivation
def test_every_format_has_the_title_and_every_step(problem: type[Problem]):
    derivation = derived(problem)
    assert f"# {derivation.title}\n" in derivation_as_markdown(derivation)
    assert f"**{len(derivation.steps)}.** " in derivation_as_markdown(derivation)
    assert len(derivation_as_json(derivation)["steps"]) == len(derivation.steps)  # type: ignore[arg-type]
    page = render_derivation(derivation)
    assert page.count('class="step"') == len(derivation.steps)
    assert "<script" not in page
    assert "http" not in re.sub(r"http-equiv", "", page)


@every_derivation
def test_a_test_file_stands_at_the_mirrored_path(problem: type[Problem]):
    assert (TESTS / "derivations" / f"test_{problem.name().replace('-', '_')}.py").is_file()


@every_derivation
def test_its_help_explains_it_and_each_of_its_options(problem: type[Problem]):
    first = (inspect.getdoc(problem) or "").partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 96
    assert [option.name for option in options_of(problem) if not option.meaning] == []


def test_no_module_but_one_imports_sympy():
    folder = Path(inspect.getfile(Problem)).parents[1]
    importing = [
        file.name
        for file in folder.rglob("*.py")
        if re.search(r"^\s*(import|from) sympy", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["algebra.py"]
