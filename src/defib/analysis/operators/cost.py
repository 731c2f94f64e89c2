"""What one operator costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.records.architecture import NOTHING, Count
from defib.records.expression import Expression, Integer, Product


@final
@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates: all, those on padding, and the others, which connect something."""

    macs: Count = NOTHING
    padding_macs: Count = NOTHING
    connections: Count = NOTHING


FREE = Cost()
"""Of operators that do no multiply-accumulates."""


def cost(macs: Expression) -> Cost:
    """Cost of a product in which nothing is padding."""
    return Cost(Count(macs), NOTHING, Count(macs))


def times(base: Expression, *factors: Integer) -> Expression:
    """`base` multiplied by those `factors` that are not 1, which nobody writes."""
    kept = tuple(factor for factor in factors if factor.number != 1)
    return Product((base, *kept)) if kept else base


def product(*factors: Integer) -> Expression:
    """The product of all factors, in brackets when it is a factor itself."""
    return factors[0] if len(factors) == 1 else Product(factors)
