"""The size of a layer's output as a formula of its input: `H_out = floor((H - 7)/4) + 1`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

from defib.records.architecture import OutputSize
from defib.records.expression import (
    CeilQuotient,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)
from defib.report.arithmetic import equation

SYMBOLS: Mapping[str, str] = {
    "input depth": "D",
    "input height": "H",
    "input width": "W",
    "input length": "L",
}
"""Label of a size of the input -> the letter for it."""


def size_formula(size: OutputSize) -> str:
    """`H_out = floor((H - 7)/4) + 1`, or the equation where the size follows from no input's.

    All constants are worked out; a division that always comes out even leaves no `floor`.
    """
    form = _form(size.expression)
    letter = _letter(size)
    if not form.multiples:
        return f"{letter}_out = {equation(size.expression)}"
    return f"{letter}_out = {form}"


def formulas_text(sizes: Iterable[OutputSize]) -> str:
    """The formulas of those dimensions that depend on the size of the input.

    Where the formula of the width is that of the height, it is not written twice.
    """
    depending = [each for each in sizes if _form(each.expression).multiples]
    texts: list[str] = []
    for size in depending:
        letter, first = _letter(size), _letter(depending[0])
        is_repeated = size_formula(size).replace(letter, first) == size_formula(depending[0])
        texts.append(f"{letter} likewise" if texts and is_repeated else size_formula(size))
    return ", ".join(texts)


def _letter(size: OutputSize) -> str:
    return SYMBOLS.get(f"input {size.axis}", size.axis)


@final
@dataclass(frozen=True)
class _Form:
    """Whole multiples of unknowns, plus a constant. An unknown is a letter, or a `floor(...)`."""

    constant: int = 0
    multiples: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [_term(factor, unknown) for unknown, factor in self.multiples.items()]
        if self.constant or not parts:
            parts.append(f"{self.constant:,}")
        result = parts[0]
        for part in parts[1:]:
            result += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        return result

    def plus(self, other: _Form, factor: int = 1) -> _Form:
        """This form and `factor` times the other."""
        unknowns = dict.fromkeys((*self.multiples, *other.multiples))
        multiples = {
            each: self.multiples.get(each, 0) + factor * other.multiples.get(each, 0)
            for each in unknowns
        }
        kept = {unknown: multiple for unknown, multiple in multiples.items() if multiple}
        return _Form(self.constant + factor * other.constant, kept)

    @property
    def is_single(self) -> bool:
        """Whether it can be written without brackets."""
        return len(self.multiples) + bool(self.constant) <= 1


def _term(factor: int, unknown: str) -> str:
    if abs(factor) == 1:
        return unknown if factor == 1 else f"-{unknown}"
    return f"{factor:,}*{unknown}"


def _form(expression: Expression) -> _Form:
    match expression:
        case Integer(_, label) if label in SYMBOLS:
            return _Form(multiples={SYMBOLS[label]: 1})
        case Integer(number):
            return _Form(number)
        case Sum(terms):
            result = _Form()
            for term in terms:
                result = result.plus(_form(term))
            return result
        case Difference(left, right):
            return _form(left).plus(_form(right), -1)
        case Product(factors):
            result = _Form(1)
            for factor in factors:
                result = _product(result, _form(factor))
            return result
        case FloorQuotient(numerator, denominator):
            return _quotient(_form(numerator), _form(denominator), "floor")
        case CeilQuotient(numerator, denominator):
            return _quotient(_form(numerator), _form(denominator), "ceil")
        case _:
            raise AssertionError(expression)


def _product(left: _Form, right: _Form) -> _Form:
    if not left.multiples:
        return _Form().plus(right, left.constant)
    if not right.multiples:
        return _Form().plus(left, right.constant)
    return _Form(multiples={f"{_bracketed(left)}*{_bracketed(right)}": 1})


def _quotient(above: _Form, below: _Form, rounding: str) -> _Form:
    divisor = below.constant
    is_even = not below.multiples and all(each % divisor == 0 for each in above.multiples.values())
    if is_even:
        rounded = (
            above.constant // divisor if rounding == "floor" else -(-above.constant // divisor)
        )
        return _Form(rounded, {name: each // divisor for name, each in above.multiples.items()})
    return _Form(multiples={f"{rounding}({_bracketed(above)}/{_bracketed(below)})": 1})


def _bracketed(form: _Form) -> str:
    is_product = any(abs(each) != 1 for each in form.multiples.values())
    return str(form) if form.is_single and not is_product else f"({form})"
