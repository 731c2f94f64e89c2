"""Two ways to the same numbers, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from defib.records.derivation import Check

Value = Fraction | float


def compare(
    method: str, statement: str, pairs: Iterable[tuple[Value, Value]], *, tolerance: float = 0.0
) -> Check:
    """A check of every pair; two fractions are compared exactly, others in double precision.

    A missing number (`nan`) on either side differs by more than any tolerance.
    """
    differences = [_difference(left, right) for left, right in pairs]
    return Check(method, statement, len(differences), max(differences, default=0.0), tolerance)


def _difference(left: Value, right: Value) -> float:
    if isinstance(left, Fraction | int) and isinstance(right, Fraction | int):
        return float(abs(left - right))
    difference = abs(float(left) - float(right))
    return difference if difference == difference else float("inf")
