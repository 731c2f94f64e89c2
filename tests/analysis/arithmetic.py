"""Writes an expression down, for tests only."""

from defib.records.expression import (
    CeilQuotient,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)


def written(expression: Expression) -> str:
    """The arithmetic with digits, every product inside of a product in brackets."""
    match expression:
        case Integer(number):
            return str(number)
        case Sum(terms):
            return " + ".join(map(written, terms))
        case Difference(left, right):
            return f"{written(left)} - {written(right)}"
        case Product(factors):
            return "*".join(map(_factor, factors))
        case FloorQuotient(numerator, denominator):
            return f"floor(({written(numerator)})/{written(denominator)})"
        case CeilQuotient(numerator, denominator):
            return f"ceil(({written(numerator)})/{written(denominator)})"
    raise AssertionError(expression)


def _factor(expression: Expression) -> str:
    return written(expression) if isinstance(expression, Integer) else f"({written(expression)})"
