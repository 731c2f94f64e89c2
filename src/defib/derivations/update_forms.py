"""What an update rule is: assignments that are shown as they are computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import final

from defib.derivations.activations import carried
from defib.derivations.algebra import Expr, sympy
from defib.derivations.spelling import computed, letter, names_in, spelled
from defib.derivations.writing import chain
from defib.records.formula import Formula

Values = Mapping[str, Expr]


@final
@dataclass(frozen=True)
class Assignment:
    """`target ← expression`, spelled as in Python; the assignments of a step run in order."""

    target: str
    expression: str

    @cached_property
    def formula(self) -> Formula:
        return spelled(self.expression)


@final
@dataclass(frozen=True)
class Form:
    """One framework's (or book's) form of a method: its step, and its defaults as written there.

    `start` are the states before the first step where they are not 0; `source` says where the
    form was read.
    """

    assignments: tuple[Assignment, ...]
    defaults: Mapping[str, str]
    source: str
    start: Mapping[str, str] = field(default_factory=dict)

    @property
    def states(self) -> tuple[str, ...]:
        """What is remembered from step to step besides the parameter, in the order of use.

        That is what an assignment reads before the step has given it a value.
        """
        read: set[str] = set()
        found = []
        for each in self.assignments:
            read |= names_in(each.expression)
            if each.target in read and each.target not in ("p", *found):
                found.append(each.target)
        return tuple(found)

    @property
    def letters(self) -> frozenset[str]:
        """Every name that a step reads or assigns."""
        return frozenset(
            name for each in self.assignments for name in {each.target, *names_in(each.expression)}
        )

    def initial(self) -> dict[str, Expr]:
        """The states before the first step."""
        return {name: sympy.Rational(self.start.get(name, "0")) for name in self.states}

    def stages(self, values: Values) -> Iterator[tuple[Assignment, Values, Expr]]:
        """Each assignment of a step with what is known before it, and the value it gives.

        `values` holds p, g, t, the states and the hyper-parameters. Irrational numbers are
        carried on with 30 digits.
        """
        known = dict(values)
        for each in self.assignments:
            value = carried(computed(each.formula, known))
            yield each, dict(known), value
            known[each.target] = value

    def step(self, values: Values) -> dict[str, Expr]:
        """Every value after a step: the parameter, the states, what was worked out between."""
        return {**values, **{each.target: value for each, _, value in self.stages(values)}}


def written_lines(form: Form) -> tuple[Formula, ...]:
    """The assignments of a step as they are written: `v ← ρ·v + (1 − ρ)·g²`."""
    return tuple(chain(letter(each.target), "←", each.formula) for each in form.assignments)


@final
@dataclass(frozen=True)
class UpdateRule:
    """A method: its forms by framework, what each letter means, and what to know about it."""

    title: str
    forms: Mapping[str, Form]
    terms: Mapping[str, str]
    idea: str
    reference: str
    difference: str = ""
    """Where torch and Keras differ beyond their defaults; empty if nowhere."""


def exact(text: str) -> Expr:
    """A default as it is written in the source: `1e-8` is one hundred-millionth, exactly."""
    fraction = Fraction(text)
    return sympy.Rational(fraction.numerator, fraction.denominator)


TORCH, KERAS = FRAMEWORKS = ("torch", "keras")


def assignments(*lines: str) -> tuple[Assignment, ...]:
    """`v = rho*v + (1 - rho)*g**2` for each line."""
    parts = (line.partition(" = ") for line in lines)
    return tuple(Assignment(target, expression) for target, _, expression in parts)
