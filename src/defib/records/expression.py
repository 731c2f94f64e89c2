"""Counts that remember how they were obtained: trees of labelled integers.

A count is never just a number: its value, the arithmetic a lecturer writes, LaTeX and the
formula in symbols are all read off one tree, so they cannot drift apart.

    Expression
    ├── Integer        a number with the name of what it counts
    ├── Sum            terms[0] + terms[1] + ...
    ├── Difference     left - right
    ├── Product        factors[0] * factors[1] * ...
    ├── FloorQuotient  floor(numerator / denominator)
    └── CeilQuotient   ceil(numerator / denominator)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import final


class Expression(ABC):
    """Exact integer arithmetic, kept as it was written."""

    @property
    @abstractmethod
    def value(self) -> int:
        """The number that the arithmetic gives."""

    def __add__(self, other: Expression | int) -> Expression:
        return Sum((self, as_expression(other)))

    def __sub__(self, other: Expression | int) -> Expression:
        return Difference(self, as_expression(other))

    def __mul__(self, other: Expression | int) -> Expression:
        return Product((self, as_expression(other)))

    def __floordiv__(self, other: Expression | int) -> Expression:
        return FloorQuotient(self, as_expression(other))


@final
@dataclass(frozen=True)
class Integer(Expression):
    """A number and what it counts (`input channels`, `kernel height`); empty for a constant."""

    number: int
    label: str = ""

    @property
    def value(self) -> int:
        return self.number


@final
@dataclass(frozen=True)
class Sum(Expression):
    terms: tuple[Expression, ...]

    @property
    def value(self) -> int:
        return sum(term.value for term in self.terms)


@final
@dataclass(frozen=True)
class Difference(Expression):
    left: Expression
    right: Expression

    @property
    def value(self) -> int:
        return self.left.value - self.right.value


@final
@dataclass(frozen=True)
class Product(Expression):
    """Factors in the order of writing; a factor that is a product is written in brackets."""

    factors: tuple[Expression, ...]

    @property
    def value(self) -> int:
        return prod(factor.value for factor in self.factors)


@final
@dataclass(frozen=True)
class FloorQuotient(Expression):
    numerator: Expression
    denominator: Expression

    @property
    def value(self) -> int:
        return self.numerator.value // self.denominator.value


@final
@dataclass(frozen=True)
class CeilQuotient(Expression):
    numerator: Expression
    denominator: Expression

    @property
    def value(self) -> int:
        return -(-self.numerator.value // self.denominator.value)


ZERO = Integer(0)


def as_expression(value: Expression | int) -> Expression:
    """`value` itself, or the number as a constant."""
    return value if isinstance(value, Expression) else Integer(value)


def total(terms: list[Expression] | tuple[Expression, ...]) -> Expression:
    """The sum of `terms` without those that are zero; a single term stands alone."""
    kept = tuple(term for term in terms if term.value != 0)
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else Sum(kept)
