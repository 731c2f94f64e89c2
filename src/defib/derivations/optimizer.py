"""The update of an optimiser: every term, torch's and Keras's defaults, steps with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.reading import numbers
from defib.derivations.spelling import letter, with_values
from defib.derivations.update_forms import FRAMEWORKS, TORCH, Form, UpdateRule, exact, written_lines
from defib.derivations.update_rules import update_rule_called
from defib.derivations.writing import (
    as_fraction,
    chain,
    decimal,
    result_chain,
    shown,
)
from defib.errors import UnknownNameError, UsageError
from defib.records.derivation import Cell, Step, Table
from defib.records.formula import Formula

DIGITS = 10
"""After the point, of the parameter: enough to tell ε inside a root from ε outside."""
MOST_STEPS = 50


@final
@dataclass(frozen=True)
class Optimizer(Problem):
    """The update equations of an optimiser, every term explained, and steps with exact numbers.

    OPTIMIZER is sgd, momentum, nesterov, adagrad, rmsprop, rmsprop-nesterov, adadelta, adam or
    adamw. The steps are taken on a given sequence of gradients, with the defaults of the
    framework, and compared with the framework's own optimiser in the same run.
    """

    exercises: ClassVar[tuple[str, ...]] = ("C12",)

    optimizer: str = option("", "The method.", is_argument=True)
    versus: str = option("", "A second method, shown side by side.")
    framework: str = option(TORCH, "Whose form and defaults: torch or keras.")
    gradients: str = option("1,-1/2,1/4", "The gradient of each step.")
    start: str = option("1", "The parameter before the first step.")

    def solve(self) -> Solution:
        rule, form, path = update_rule_called(self.optimizer), self.form(), self.path()
        steps = [*_equations(rule, form), *_defaults(rule), *self._numbers(form, path)]
        references = [rule.reference]
        if self.versus:
            steps += self._side_by_side(path)
            references.append(update_rule_called(self.versus).reference)
        results = {f"p_{n}": as_fraction(each["p"]) for n, each in enumerate(path, start=1)}
        return Solution(
            rule.title,
            f"How does {rule.title} change a parameter, what does every term mean, and what do "
            f"the first {len(path)} steps come to?",
            steps,
            results,
            references=tuple(dict.fromkeys(references)),
        )

    def form(self, name: str = "") -> Form:
        """The form of a method in the framework, or its only form."""
        forms = update_rule_called(name or self.optimizer).forms
        if self.framework not in FRAMEWORKS:
            advice = f"Known are {' and '.join(FRAMEWORKS)}."
            raise UnknownNameError("framework", self.framework, FRAMEWORKS, advice=advice)
        return forms.get(self.framework) or next(iter(forms.values()))

    def first_values(self, form: Form) -> dict[str, Expr]:
        """The parameter, the states and the hyper-parameters before the first step."""
        [start] = numbers(self.start, "--start", count=1)
        defaults = {name: exact(text) for name, text in form.defaults.items()}
        return {**form.initial(), **defaults, "p": start}

    def gradient_sequence(self) -> tuple[Expr, ...]:
        """The gradients that were asked for."""
        values = numbers(self.gradients, "--gradients")
        if len(values) > MOST_STEPS:
            raise UsageError(f"Expected at most {MOST_STEPS} --gradients, got {len(values)}.")
        return values

    def path(self, name: str = "") -> tuple[Mapping[str, Expr], ...]:
        """Every value after each step of a method, its own if none is named."""
        form = self.form(name)
        values = self.first_values(form)
        found = []
        for number, gradient in enumerate(self.gradient_sequence(), start=1):
            values = form.step({**values, "g": gradient, "t": sympy.Integer(number)})
            found.append(values)
        return tuple(found)

    def _numbers(self, form: Form, path: tuple[Mapping[str, Expr], ...]) -> Iterator[Step]:
        values: Mapping[str, Expr] = self.first_values(form)
        part = f"The first steps, with the defaults of {form.source.partition(';')[0]}"
        for number, after in enumerate(path, start=1):
            before = {**values, "g": after["g"], "t": sympy.Integer(number)}
            formulas = tuple(
                _put_in(each.target, with_values(each.formula, known), value)
                for each, known, value in form.stages(before)
            )
            yield Step(f"Step {number}, with a gradient of {after['g']}.", "", formulas, part)
            values = after

    def _side_by_side(self, path: tuple[Mapping[str, Expr], ...]) -> Iterator[Step]:
        rules = update_rule_called(self.optimizer), update_rule_called(self.versus)
        forms = self.form(), self.form(self.versus)
        titles = (rules[0].title, rules[1].title)
        part = f"{titles[0]} and {titles[1]}, side by side"
        lines = [written_lines(form) for form in forms]
        rows = range(max(map(len, lines)))
        cells = tuple(tuple(each[row] if row < len(each) else "" for each in lines) for row in rows)
        ideas = " ".join(f"{each.title}: {each.idea}" for each in rules)
        yield Step("The equations.", ideas, part=part, table=Table(titles, cells))
        for mine, its in ((0, 1), (1, 0)):
            yield _own_letters(rules[mine], forms[mine].letters - forms[its].letters, part)
        values = tuple(
            (str(number), shown(mine["g"]), decimal(mine["p"], DIGITS), decimal(its["p"], DIGITS))
            for number, (mine, its) in enumerate(
                zip(path, self.path(self.versus), strict=True), start=1
            )
        )
        statement = "The parameter after each step, on the same gradients."
        yield Step(statement, part=part, table=Table(("step", "gradient", *titles), values))


def _own_letters(rule: UpdateRule, names: frozenset[str], part: str) -> Step:
    rows = tuple((letter(name), text) for name, text in rule.terms.items() if name in names)
    if not rows:
        return Step(f"{rule.title} has no letter of its own.", part=part)
    return Step(f"Only {rule.title} has:", part=part, table=Table(("letter", "meaning"), rows))


def _put_in(target: str, inside: Formula, value: Expr) -> Formula:
    if target != "p":
        return result_chain(letter(target), inside, value)
    return chain(letter(target), "=", inside, "≈", decimal(value, DIGITS))


def _equations(rule: UpdateRule, form: Form) -> list[Step]:
    part = f"The update ({form.source.partition(';')[0]})"
    rows = tuple((letter(name), text) for name, text in rule.terms.items() if name in form.letters)
    return [
        Step(f"A step of {rule.title}, in this order.", rule.idea, written_lines(form), part),
        Step("What the letters mean.", part=part, table=Table(("letter", "meaning"), rows)),
    ]


def _defaults(rule: UpdateRule) -> Iterator[Step]:
    forms = tuple(rule.forms.values())
    names = dict.fromkeys(name for form in forms for name in form.defaults)
    rows: list[tuple[Cell, ...]] = [
        (letter(name), *(form.defaults.get(name, "") for form in forms)) for name in names
    ]
    starts = dict.fromkeys(name for form in forms for name in form.start)
    rows += [
        (letter(f"{name}_0"), *(form.start.get(name, "0") for form in forms)) for name in starts
    ]
    yield Step(
        "Hyper-parameters and their defaults.",
        "; ".join(form.source for form in forms) + ".",
        part="The defaults",
        table=Table(("letter", *rule.forms), tuple(rows)),
    )
    if rule.difference:
        yield Step("Where torch and Keras differ.", rule.difference, part="The defaults")
        for name, form in rule.forms.items():
            yield Step(f"{name}:", "", written_lines(form), part="The defaults")
