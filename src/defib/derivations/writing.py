"""From numbers, symbols and SymPy's expressions to formulas as they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import singledispatch
from typing import Any

from defib.derivations.algebra import Expr, sympy
from defib.errors import UsageError
from defib.records import expression
from defib.records.derivation import Result
from defib.records.formula import (
    Call,
    Chain,
    Formula,
    Group,
    Matrix,
    Negative,
    Number,
    Partial,
    Power,
    Product,
    Quotient,
    Root,
    Rounded,
    Series,
    Sum,
    Symbol,
    Words,
)

Writable = Any
"""A formula, a number, a SymPy expression or matrix, a name such as `w^(1)_21` or `X[1,2]`,
or counted arithmetic; `written` refuses anything else."""

_NAME = re.compile(r"(?P<name>[^\^_\[\]]+)(\^(?P<upper>[^_\[]+))?(_(?P<low>.+)|\[(?P<index>.+)\])?")
_FUNCTIONS = {
    "exp": "exp",
    "log": "ln",
    "tanh": "tanh",
    "Max": "max",
    "Min": "min",
    "Abs": "abs",
    "sign": "sign",
}


def symbol(name: str) -> Symbol:
    """`w^(1)_2,1` is w with a superscript and two subscripts, `X[1,2]` X with an index."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError(f"Expected a name such as `w`, `w_1` or `X[1,2]`, got `{name}`.")
    index = found["low"] or found["index"] or ""
    parts = tuple(index.split(",")) if "," in index or found["index"] else tuple(index)
    if found["low"] and not index.isdigit() and "," not in index:
        parts = (index,)
    return Symbol(found["name"], parts, found["upper"] or "", bool(found["index"]))


@singledispatch
def written(value: Writable) -> Formula:
    """The formula that shows `value`."""
    raise TypeError(f"no way to write {value!r}")


@written.register
def _(value: Formula) -> Formula:
    return value


@written.register
def _(value: int) -> Formula:
    return Negative(Number(Fraction(-value))) if value < 0 else Number(Fraction(value))


@written.register
def _(value: Fraction) -> Formula:
    return Negative(Number(-value)) if value < 0 else Number(value)


@written.register
def _(value: str) -> Formula:
    return symbol(value)


@written.register(sympy.MatrixBase)
def _(value: Expr) -> Formula:
    return Matrix(tuple(tuple(written(each) for each in row) for row in value.tolist()))


@written.register
def _(value: expression.Expression) -> Formula:
    match value:
        case expression.Integer(number):
            return written(number)
        case expression.Sum(terms):
            return Sum(tuple(map(written, terms)))
        case expression.Difference(left, right):
            return Sum((written(left), Negative(written(right))))
        case expression.Product(factors):
            return Product(tuple(map(_counted_factor, factors)))
        case expression.FloorQuotient(above, below):
            return _rounded_quotient("floor", above, below)
        case expression.CeilQuotient(above, below):
            return _rounded_quotient("ceil", above, below)
        case _:
            raise AssertionError(value)


def _counted_factor(factor: expression.Expression) -> Formula:
    # A product within a product is the author's grouping.
    inside = written(factor)
    return Group(inside) if isinstance(inside, Product) else inside


def _rounded_quotient(
    name: str, above: expression.Expression, below: expression.Expression
) -> Formula:
    quotient = Quotient(written(above), written(below))
    if below.value == 1:
        return quotient.above
    return quotient if above.value % below.value == 0 else Call(name, (quotient,))


@written.register(sympy.Basic)
def _(value: Expr) -> Formula:
    match value:
        case sympy.Integer():
            return written(int(value))
        case sympy.Rational():
            return written(Fraction(int(value.p), int(value.q)))
        case sympy.Symbol():
            return symbol(value.name)
        case sympy.Add():
            return Sum(tuple(written(term) for term in value.as_ordered_terms()))
        case sympy.Mul():
            return _product(value)
        case sympy.Pow():
            return _power(value)
        case sympy.core.relational.Relational():
            return chain(value.lhs, _RELATIONS[value.rel_op], value.rhs)
        case sympy.exp():
            return Power(Symbol("e"), written(value.args[0]))
        case sympy.Function():
            name = type(value).__name__
            return Call(_FUNCTIONS.get(name, name), tuple(map(written, value.args)))
        case _ if value == sympy.E:
            return Symbol("e")
        case _ if value == sympy.pi:
            return Symbol("pi")
        case _ if value == sympy.oo:
            return Symbol("infinity")
        case _:
            raise TypeError(f"no way to write {value!r}")


_RELATIONS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


def _product(value: Expr) -> Formula:
    if value.could_extract_minus_sign():
        return Negative(written(-value))
    above, below = sympy.fraction(value, exact=True)
    if below != 1:
        return Quotient(written(above), written(below))
    return Product(tuple(written(factor) for factor in value.as_ordered_factors()))


def _power(value: Expr) -> Formula:
    base, exponent = value.as_base_exp()
    if exponent == sympy.Rational(1, 2):
        return Root(written(base))
    if exponent.could_extract_minus_sign():
        return Quotient(written(1), written(1 / value))
    return Power(written(base), written(exponent))


def chain(first: Writable, *rest: Writable) -> Chain:
    """`chain(a, "=", b, "≈", c)`."""
    return Chain((written(first), *map(written, rest[1::2])), tuple(rest[::2]))


def equation(*members: Writable) -> Chain:
    """Members joined by `=`; a member that looks like the one before it is left out."""
    kept: list[Formula] = []
    for member in map(written, members):
        if not kept or bare(member) != bare(kept[-1]):
            kept.append(member)
    return Chain(tuple(kept), ("=",) * (len(kept) - 1))


def bare(member: Formula) -> Formula:
    """The formula without outermost brackets."""
    return bare(member.inside) if isinstance(member, Group) else member


def plus(*terms: Writable) -> Formula:
    """A sum as it stands, zeros included; a single term stands alone."""
    parts = tuple(map(written, terms))
    return parts[0] if len(parts) == 1 else Sum(parts)


def minus(left: Writable, right: Writable) -> Formula:
    return Sum((written(left), Negative(written(right))))


def times(*factors: Writable) -> Formula:
    """A product as it stands, ones included; a single factor stands alone."""
    parts = tuple(map(written, factors))
    return parts[0] if len(parts) == 1 else Product(parts)


def negative(inside: Writable) -> Negative:
    return Negative(written(inside))


def over(above: Writable, below: Writable) -> Quotient:
    return Quotient(written(above), written(below))


def power(base: Writable, exponent: Writable) -> Power:
    return Power(written(base), written(exponent))


def root(inside: Writable) -> Root:
    return Root(written(inside))


def call(name: str, *arguments: Writable) -> Call:
    return Call(name, tuple(map(written, arguments)))


def partial(of: Writable, by: Writable) -> Partial:
    return Partial(written(of), written(by))


def group(inside: Writable) -> Group:
    return Group(written(inside))


def series(sign: str, lower: Writable, upper: Writable | None, body: Writable) -> Series:
    return Series(sign, written(lower), None if upper is None else written(upper), written(body))


def words(text: str) -> Words:
    return Words(text)


def matrix(rows: Iterable[Iterable[Writable]]) -> Matrix:
    return Matrix(tuple(tuple(map(written, row)) for row in rows))


def decimal(value: float | Expr | Fraction, digits: int) -> Formula:
    """`value` rounded to `digits` digits after the point, for the right side of `≈`."""
    number = float(value)
    if number < 0:
        return Negative(Rounded(-number, digits))
    return Rounded(number, digits)


LONGEST_FRACTION = 12
"""Digits of numerator and of denominator up to which a number is shown as a fraction."""
DIGITS = 6
"""Significant digits of a number that is shown rounded."""


def is_short(value: Fraction) -> bool:
    """Whether a number is shown as the fraction that it is."""
    return max(abs(value.numerator), value.denominator) < 10**LONGEST_FRACTION


def shown(value: Writable) -> Formula:
    """`value` as it is, or rounded to six significant digits where its fraction is too long."""
    if isinstance(value, sympy.Expr) and not value.is_Rational:
        return written(value)
    number = as_fraction(value)
    if is_short(number):
        return written(number)
    magnitude = math.floor(math.log10(abs(number)))
    return decimal(number, max(0, DIGITS - 1 - magnitude))


def leads_to(value: Writable) -> str:
    """`=` or, where `shown` rounds it, `≈`."""
    return "=" if is_exact(value) else "≈"


def is_exact(value: Writable) -> bool:
    """Whether `shown` writes `value` as it is."""
    if isinstance(value, sympy.Expr) and not value.is_Rational:
        return True
    return is_short(as_fraction(value))


def result_chain(*members: Writable) -> Chain:
    """`a = b = ... = value`: the last member is a number, after `≈` if it has to be rounded."""
    *before, value = members
    kept = equation(*before)
    last = shown(value)
    if bare(kept.members[-1]) == last:
        return Chain(kept.members, (*kept.signs[:-1], *([leads_to(value)] if kept.signs else ())))
    return Chain((*kept.members, last), (*kept.signs, leads_to(value)))


def as_fraction(value: Any) -> Fraction:  # SymPy's numbers have no common type
    """A rational of SymPy, or a number, as a fraction."""
    if isinstance(value, Fraction | int):
        return Fraction(value)
    rational = sympy.Rational(value)
    return Fraction(int(rational.p), int(rational.q))


def as_result(value: Expr) -> Result:
    """A value for the results of a derivation: a fraction, else the text of the expression."""
    return as_fraction(value) if value.is_Rational else str(value)
