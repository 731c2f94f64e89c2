"""Explain a rule, a fix or a concept: what it is, why it matters, what to change."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import final

import click
from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from defib.cli.main import first_docstring_line
from defib.concepts.catalogue import Concept, concepts
from defib.concepts.shown_by import studies_for
from defib.derivations.base import problem_files
from defib.errors import UnknownNameError
from defib.fixes.names import fix_names
from defib.rules.base import AnyRule, every_rule
from defib.rules.measured import Counts, Measured, measurements

WIDEST = 100
"""Columns; longer lines are hard to read."""


@click.command()
@click.argument("name", required=False)
def explain(*, name: str | None) -> None:
    """Explain NAME: a rule (`dead-relu`), a fix (`leaky-relu`) or a concept (`saddle-point`).

    The page of a rule says what it detects, how it is measured and what to change; that of a fix
    what it changes and when it helps; that of a concept also which derivation and which study show
    it, and which rules find it. Without NAME, the concepts are listed.
    """
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST)
    if name is None:
        print_concepts(console)
        return
    console.print(Markdown("\n\n".join(pages_of(name))))


def print_concepts(console: Console) -> None:
    """The names of all concepts with their titles."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("concept", no_wrap=True)
    table.add_column("what it is about")
    for concept in concepts().values():
        table.add_row(concept.name, concept.title)
    console.print(table)
    console.print("`defib rules` lists the rules, which have pages as well.", style="dim")


def pages_of(name: str) -> list[str]:
    """All pages of that name: a rule's, a fix's, a concept's. Raises `UnknownNameError`."""
    pages = []
    if name in fix_names():
        pages.append(fix_page(name))
    if name in concepts():
        pages.append(concept_page(concepts()[name]))
    if not pages or any(rule.name() == name for rule in every_rule()):
        pages.insert(0, page(rule_called(name)))
    return pages


def fix_page(name: str) -> str:
    """A fix as Markdown: its docstring, what its value means, and which rules name it."""
    from defib.fixes.base import fix_called  # with torch, which no other page needs

    fix = fix_called(name)
    naming = [f"`{rule.name()}`" for rule in every_rule() if name in rule.fixes]
    command = f"`defib run --with {name}{'=VALUE' if fix.meaning else ''} train.py`"
    lines = [f"By hand: {command}"]
    if fix.meaning:
        lines.append(f"VALUE: {fix.meaning}")
    if naming:
        lines.append(f"Named by the rules: {', '.join(naming)}")
    sections = [f"# {name}", inspect.getdoc(type(fix)) or "", _section("How to try it", lines)]
    return "\n\n".join(sections) + "\n"


def concept_page(concept: Concept) -> str:
    """A concept as Markdown: its text, and what shows, derives and finds it."""
    rules = {rule.name(): rule for rule in every_rule()}
    found = [f"`{name}`: {_first_line(type(rules[name]))}" for name in concept.rules]
    derived = [
        f"`defib derive {name}`: {first_docstring_line(problem_files()[name])}."
        for name in concept.derivations
    ]
    shown = [
        f"`defib study run {study.name}`: {study.question}"
        for study in studies_for(concept.exercises)
    ]
    sections = [
        f"# {concept.title}",
        concept.text,
        _section("Worked out", derived),
        _section("Shown by experiment", shown),
        _section("The rules that find it", found),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _first_line(described: type) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0]


@final
@dataclasses.dataclass(frozen=True)
class Option:
    """A field of a rule; `meaning` is the string below it in the source."""

    name: str
    default: str
    meaning: str


def rule_called(name: str) -> AnyRule:
    """The rule `name`, with its default options. Raises `UnknownNameError` if there is none."""
    rules = {rule.name(): rule for rule in every_rule()}
    if name not in rules:
        known = {*rules, *fix_names(), *concepts()}
        advice = "`defib rules`, `defib fixes` and `defib explain` list them."
        raise UnknownNameError("rule, fix or concept", name, known, advice=advice)
    return rules[name]


def page(rule: AnyRule) -> str:
    """The documentation of `rule` as Markdown: docstring, options, relations, measured rates."""
    sections = [
        f"# {rule.name()}",
        inspect.getdoc(type(rule)) or "",
        _section("Options", [f"`{o.name}` = {o.default}: {o.meaning}" for o in options(rule)]),
        _section("Relations", relations(rule)),
        _section("Measured", measured_lines(rule.name())),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def options(rule: AnyRule) -> tuple[Option, ...]:
    """The options of `rule`, in the order of the source."""
    meanings = field_docstrings(type(rule))
    return tuple(
        Option(field.name, repr(getattr(rule, field.name)), meanings.get(field.name, ""))
        for field in dataclasses.fields(rule)
    )


def field_docstrings(cls: type) -> dict[str, str]:
    """Each annotated name of the class with the string that follows it in the source."""
    tree = ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))
    [body] = [
        node.body
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    ]
    found: dict[str, str] = {}
    for field, following in pairwise(body):
        match field, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                found[name] = " ".join(text.split())
    return found


def relations(rule: AnyRule) -> list[str]:
    """How `rule` relates to metrics, other rules and fixes: a line of Markdown for each."""
    kind = f"{rule.severity.value}, a symptom" if rule.is_symptom else rule.severity.value
    explained_by = [other.name() for other in every_rule() if rule.name() in other.explains]
    named = {
        "Needs the metrics": rule.requires,
        "Explains": rule.explains,
        "Is explained by": explained_by,
        "Fixes": rule.fixes,
    }
    lines = [f"{what}: {_quoted(names)}" for what, names in named.items() if names]
    return [f"Group: {rule.group()}", f"Severity: {kind}", *lines]


def measured_lines(rule: str) -> list[str]:
    """What the scoreboard counted for `rule`: a line of Markdown for each number."""
    row = measurements().rules.get(rule)
    if row is None:
        return ["Not measured yet: the rule is newer than the last run of `scripts/scoreboard`."]
    return [
        *_detection_lines(row),
        f"Warned of {row.every.alarms} of {row.every.healthy} healthy trainings"
        f" ({row.apart.alarms} of {row.apart.healthy} {KEPT_APART}).",
        f"By `{measurements().command}` ({measurements().runs:,} of its "
        f"{measurements().planned:,} runs); docs/scoreboard.md tells how.",
    ]


KEPT_APART = "with tasks and seeds that calibrated nothing"


def _detection_lines(row: Measured) -> list[str]:
    if row.every.broken == 0:
        return ["No fault of the corpus is there for this rule to find: its detection is unknown."]
    lines = [f"Faults of the corpus that it must find: {_quoted(row.faults)}."]
    lines.append(f"Found in {_detection(row.every)}.")
    if row.apart.broken:
        lines.append(f"{KEPT_APART.capitalize()}: in {_detection(row.apart)}.")
    return lines


def _detection(counts: Counts) -> str:
    return (
        f"{counts.found} of {counts.broken} broken trainings; "
        f"named first in {counts.first}, among the first three in {counts.top_three}"
    )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(heading: str, lines: Iterable[str]) -> str:
    items = "\n".join(f"- {line}" for line in lines)
    return f"## {heading}\n{items}" if items else ""
