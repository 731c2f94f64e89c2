"""Arithmetic as a lecturer writes it: `(3*3*64)*64 = 36,864`, LaTeX, symbols, formulas.

Brackets stand where precedence needs them and around a product within a product, which is
the author's grouping. Products have no spaces, sums have. A quotient that comes out even is
written `(45 - 5)/2`, any other `floor(...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import final

from defib.records.expression import (
    CeilQuotient,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)

SILENT_ONES = frozenset({"", "batch", "batch size", "dilation", "groups"})
"""Labels of factors that are not written where they are 1: everybody thinks them away."""


class _Binding(IntEnum):
    """How tightly the outermost operation of a text holds together."""

    SUM = 0
    PRODUCT = 1
    QUOTIENT = 2
    ATOM = 3


@final
@dataclass(frozen=True)
class _Written:
    text: str
    binding: _Binding

    def tighter_than(self, binding: _Binding, brackets: tuple[str, str]) -> str:
        """The text, in brackets unless it holds together more tightly."""
        opening, closing = brackets
        return self.text if self.binding > binding else f"{opening}{self.text}{closing}"


@final
@dataclass(frozen=True)
class _Notation:
    """The signs of one way of writing."""

    leaf: Callable[[Integer], str]
    times: str
    fraction: Callable[[_Written, _Written], _Written]
    floor: Callable[[str], str]
    ceil: Callable[[str], str]
    brackets: tuple[str, str]


def with_separators(number: int) -> str:
    """`36,864`."""
    return f"{number:,}"


def text(expression: Expression) -> str:
    """The arithmetic with numbers: `(3*3*64)*64`."""
    return _write(simplified(expression), _TEXT).text


def equation(expression: Expression) -> str:
    """The arithmetic and what it gives, `(3*3*64)*64 = 36,864`; a plain number stands alone."""
    return _equation(text(expression), with_separators(expression.value))


def symbolic(expression: Expression) -> str:
    """The arithmetic in words: `(kernel height*kernel width*input channels)*output channels`."""
    return _write(_with_labelled_ones(expression), _SYMBOLIC).text


def latex(expression: Expression) -> str:
    r"""The equation for LaTeX: `(3 \cdot 3 \cdot 64) \cdot 64 = 36{,}864`."""
    return _equation(
        _write(simplified(expression), _LATEX).text, _latex_number(Integer(expression.value))
    )


def _equation(arithmetic: str, value: str) -> str:
    return value if arithmetic == value else f"{arithmetic} = {value}"


def simplified(expression: Expression) -> Expression:
    """The same without what nobody writes: zero terms, factors of 1 that need no mention."""
    return _simplified(expression, SILENT_ONES)


def _with_labelled_ones(expression: Expression) -> Expression:
    return _simplified(expression, frozenset({""}))


def _simplified(expression: Expression, silent: frozenset[str]) -> Expression:
    match expression:
        case Sum(terms):
            kept = [_simplified(term, silent) for term in terms if term.value != 0]
            return _joined(kept, Sum, neutral=0)
        case Difference(left, right) if right.value == 0:
            return _simplified(left, silent)
        case Difference(left, right):
            return Difference(_simplified(left, silent), _simplified(right, silent))
        case Product(factors):
            kept = [_simplified(factor, silent) for factor in factors]
            return _joined([each for each in kept if not _is_one(each, silent)], Product, neutral=1)
        case FloorQuotient(numerator, denominator) | CeilQuotient(numerator, denominator):
            above, below = _simplified(numerator, silent), _simplified(denominator, silent)
            return above if _is_one(below, frozenset({""})) else type(expression)(above, below)
        case _:
            return expression


def _is_one(expression: Expression, silent: frozenset[str]) -> bool:
    match expression:
        case Integer(1, label):
            return label in silent
        case _:
            return False


def _joined(
    parts: list[Expression], kind: type[Sum] | type[Product], *, neutral: int
) -> Expression:
    if not parts:
        return Integer(neutral)
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _write(expression: Expression, notation: _Notation) -> _Written:
    match expression:
        case Sum(terms):
            return _sum([_write(term, notation) for term in terms])
        case Difference(left, right):
            return _difference(_write(left, notation), _write(right, notation), notation)
        case Product(factors):
            return _product([_write(factor, notation) for factor in factors], notation)
        case FloorQuotient(numerator, denominator) | CeilQuotient(numerator, denominator):
            quotient = notation.fraction(_write(numerator, notation), _write(denominator, notation))
            if numerator.value % denominator.value == 0 and notation is not _SYMBOLIC:
                return quotient
            is_floor = type(expression) is FloorQuotient
            rounded = notation.floor if is_floor else notation.ceil
            return _Written(rounded(quotient.text), _Binding.ATOM)
        case Integer(number):
            is_negative = number < 0 and notation is not _SYMBOLIC
            binding = _Binding.SUM if is_negative else _Binding.ATOM
            return _Written(notation.leaf(expression), binding)
        case _:
            raise AssertionError(expression)


def _sum(terms: list[_Written]) -> _Written:
    result = terms[0].text
    for term in terms[1:]:
        result += f" - {term.text[1:]}" if term.text.startswith("-") else f" + {term.text}"
    return _Written(result, _Binding.SUM)


def _difference(left: _Written, right: _Written, notation: _Notation) -> _Written:
    subtracted = right.tighter_than(_Binding.SUM, notation.brackets)
    return _Written(f"{left.text} - {subtracted}", _Binding.SUM)


def _product(factors: list[_Written], notation: _Notation) -> _Written:
    written = [factor.tighter_than(_Binding.QUOTIENT, notation.brackets) for factor in factors]
    return _Written(notation.times.join(written), _Binding.PRODUCT)


def _slash(numerator: _Written, denominator: _Written) -> _Written:
    above, below = (
        each.tighter_than(_Binding.QUOTIENT, _ROUND) for each in (numerator, denominator)
    )
    return _Written(f"{above}/{below}", _Binding.QUOTIENT)


def _stacked(numerator: _Written, denominator: _Written) -> _Written:
    return _Written(rf"\frac{{{numerator.text}}}{{{denominator.text}}}", _Binding.ATOM)


def _latex_number(leaf: Integer) -> str:
    return with_separators(leaf.number).replace(",", "{,}")


_ROUND = ("(", ")")
_TEXT = _Notation(
    leaf=lambda leaf: with_separators(leaf.number),
    times="*",
    fraction=_slash,
    floor=lambda inside: f"floor({inside})",
    ceil=lambda inside: f"ceil({inside})",
    brackets=_ROUND,
)
_SYMBOLIC = _Notation(
    leaf=lambda leaf: leaf.label or with_separators(leaf.number),
    times="*",
    fraction=_slash,
    floor=_TEXT.floor,
    ceil=_TEXT.ceil,
    brackets=_ROUND,
)
_LATEX = _Notation(
    leaf=_latex_number,
    times=r" \cdot ",
    fraction=_stacked,
    floor=lambda inside: rf"\left\lfloor {inside} \right\rfloor",
    ceil=lambda inside: rf"\left\lceil {inside} \right\rceil",
    brackets=(r"\left(", r"\right)"),
)
