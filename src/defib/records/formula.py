"""Formulas as they are written: trees that remember brackets, order and every step of a chain.

Algebra is done elsewhere; what is shown of it is kept here, unevaluated, so that `6 · 4 = 24`
stays three signs and a number. Text, LaTeX and MathML are read off one tree.

    Formula
    ├── Number     an exact rational
    ├── Rounded    a number with so many digits after the point
    ├── Symbol     a letter or name, with indices
    ├── Words      text within a formula
    ├── Sum, Negative, Product, Quotient, Power, Root
    ├── Call       a function of arguments
    ├── Partial    ∂of/∂by
    ├── Series     Σ or ∏ over a range
    ├── Matrix     rows of formulas
    ├── Group      the author's brackets
    └── Chain      members joined by =, ≈, ≤, ←, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final


class Formula:
    """Something that can be written down."""


@final
@dataclass(frozen=True)
class Number(Formula):
    value: Fraction


@final
@dataclass(frozen=True)
class Rounded(Formula):
    """`value` is shown with `digits` digits after the point."""

    value: float
    digits: int


@final
@dataclass(frozen=True)
class Symbol(Formula):
    """A name (`w`, `alpha`, `dY`) with indices, as subscripts or `is_bracketed`, as `X[1, 2]`.

    `upper` is a superscript that is no power: the number of a layer, of a step.
    """

    name: str
    index: tuple[str, ...] = ()
    upper: str = ""
    is_bracketed: bool = False


@final
@dataclass(frozen=True)
class Words(Formula):
    text: str


@final
@dataclass(frozen=True)
class Sum(Formula):
    """Terms in the order of writing; a `Negative` is subtracted."""

    terms: tuple[Formula, ...]


@final
@dataclass(frozen=True)
class Negative(Formula):
    inside: Formula


@final
@dataclass(frozen=True)
class Product(Formula):
    factors: tuple[Formula, ...]


@final
@dataclass(frozen=True)
class Quotient(Formula):
    above: Formula
    below: Formula


@final
@dataclass(frozen=True)
class Power(Formula):
    base: Formula
    exponent: Formula


@final
@dataclass(frozen=True)
class Root(Formula):
    """The square root."""

    inside: Formula


@final
@dataclass(frozen=True)
class Call(Formula):
    """A function by its name: `ReLU`, `floor`, `max`, `exp`, `ln`, `tanh`, `sigma`, ..."""

    name: str
    arguments: tuple[Formula, ...]


@final
@dataclass(frozen=True)
class Partial(Formula):
    """The partial derivative of one quantity by another."""

    of: Formula
    by: Formula


@final
@dataclass(frozen=True)
class Series(Formula):
    """`sign` is `Σ` or `∏`; `upper` may be empty."""

    sign: str
    lower: Formula
    upper: Formula | None
    body: Formula


@final
@dataclass(frozen=True)
class Matrix(Formula):
    rows: tuple[tuple[Formula, ...], ...]


@final
@dataclass(frozen=True)
class Group(Formula):
    inside: Formula


@final
@dataclass(frozen=True)
class Chain(Formula):
    """`members[0] signs[0] members[1] signs[1] ...`; one sign fewer than members."""

    members: tuple[Formula, ...]
    signs: tuple[str, ...]

    @property
    def links(self) -> tuple[tuple[str, Formula], ...]:
        """Each member after the first, with the sign before it."""
        return tuple(zip(self.signs, self.members[1:], strict=True))
