"""What a formula without symbols comes to, and whether the equations of a derivation hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from defib.records import formula
from defib.records.derivation import Check, Derivation, Step
from defib.records.formula import Chain, Formula

RELATIVE_TOLERANCE = 1e-9
"""Of irrational numbers, which are compared in double precision."""

# A number in, a number out; types of the builtins are wider than that.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "floor": lambda x: Fraction(math.floor(x)),
    "ceil": lambda x: Fraction(math.ceil(x)),
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "abs": abs,
    "ReLU": lambda x: max(x, Fraction(0)),
    "LeakyReLU": lambda x: max(x, Fraction(1, 100) * x),
    "identity": lambda x: x,
    "exp": math.exp,
    "ln": math.log,
    "tanh": math.tanh,
    "sigma": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: Fraction((x > 0) - (x < 0)),
}
_HOLDS: dict[str, Callable[[float | Fraction, float | Fraction], bool]] = {
    "=": lambda a, b: _is_close(a, b),
    "≠": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b or _is_close(a, b),
    "≥": lambda a, b: a >= b or _is_close(a, b),
}


def value_of(written: Formula) -> Fraction | float | None:
    """The number; a fraction where it is rational throughout; `None` where something is open."""
    match written:
        case formula.Number(value):
            return value
        case formula.Rounded(value):
            return value  # all its digits: only what is shown of it is rounded
        case formula.Symbol("e", (), ""):
            return math.e
        case formula.Symbol("pi", (), ""):
            return math.pi
        case formula.Group(inside):
            return value_of(inside)
        case formula.Negative(inside):
            return _applied(lambda x: -x, inside)
        case formula.Sum(terms):
            return _applied(lambda *values: sum(values), *terms)
        case formula.Product(factors):
            return _applied(lambda *values: math.prod(values), *factors)
        case formula.Quotient(above, below):
            return _applied(lambda a, b: a / b, above, below)
        case formula.Power(base, exponent):
            return _applied(lambda a, b: a**b, base, exponent)
        case formula.Root(inside):
            return _applied(math.sqrt, inside)
        case formula.Call(name, arguments) if name in _FUNCTIONS:
            return _applied(_FUNCTIONS[name], *arguments)
        case _:
            return None


def _applied(function: Callable[..., Fraction | float], *parts: Formula) -> Fraction | float | None:
    values = [value_of(part) for part in parts]
    return None if any(value is None for value in values) else function(*values)


def equations_check(derivation: Derivation) -> Check | None:
    """Whether neighbours in all chains that are numbers agree; `None` if there are none."""
    chains = [each for step in derivation.steps for each in _chains_of(step)]
    links = [link for each in chains for link in numeric_links(each)]
    if not links:
        return None
    wrong = sum(not is_true for is_true in links)
    return Check(
        "evaluation", "every equation above between numbers, evaluated again", len(links), wrong
    )


def numeric_links(written: Chain) -> Iterator[bool]:
    """For each two numbers in `written` with a relation between them: whether it holds.

    A member that is no number interrupts the chain only where its sign is no `=`.
    """
    known: Fraction | float | None = value_of(written.members[0])
    for sign, member in written.links:
        value = value_of(member)
        if known is not None and value is not None and (sign in _HOLDS or sign == "≈"):
            yield _rounds_to(known, member) if sign == "≈" else _HOLDS[sign](known, value)
        if value is not None or sign != "=":
            known = value


def _chains_of(step: Step) -> Iterator[Chain]:
    cells = [] if step.table is None else [cell for row in step.table.rows for cell in row]
    for each in (*step.formulas, *cells):
        if isinstance(each, Formula):
            yield from _chains_within(each)


def _chains_within(written: Formula) -> Iterator[Chain]:
    match written:
        case Chain(members):
            yield written
            for member in members:
                yield from _chains_within(member)
        case formula.Matrix(rows):
            for row in rows:
                for each in row:
                    yield from _chains_within(each)
        case _:
            return


def _is_close(left: float | Fraction, right: float | Fraction) -> bool:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)


def _rounds_to(known: float | Fraction, member: Formula) -> bool:
    """Whether `member` shows `known` to its last digit."""
    shown = member.inside if isinstance(member, formula.Negative) else member
    digits = shown.digits if isinstance(shown, formula.Rounded) else 0
    value = value_of(member)
    if value is None:
        return False
    # A half unit of the last digit, and what double precision loses.
    allowed = 0.5 * 10.0**-digits + RELATIVE_TOLERANCE * abs(float(known))
    return abs(float(known) - round(float(value), digits)) <= allowed
