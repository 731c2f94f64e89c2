"""Texts of options turned into numbers and sizes, refused with a sentence where they do not fit."""

from __future__ import annotations

import re
from fractions import Fraction

from defib.derivations.algebra import Expr, sympy
from defib.errors import UsageError


def numbers(text: str, name: str, *, count: int | None = None) -> tuple[Expr, ...]:
    """`1,-1/2,0.25` as exact numbers. Raises `UsageError` naming the option."""
    parts = [part.strip() for part in text.split(",")]
    try:
        values = tuple(Fraction(part) for part in parts)
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(
            f"Expected numbers or fractions with commas between them for {name}, such as "
            f"`1,-1/2,0.25`; got `{text}`."
        ) from error
    if count is not None and len(values) != count:
        raise UsageError(f"Expected {count} number(s) for {name}, got `{text}`.")
    return tuple(sympy.Rational(each.numerator, each.denominator) for each in values)


def sizes(text: str, name: str, counts: tuple[int, ...]) -> tuple[int, ...]:
    """`3x16x16` as whole numbers from 1; how many may come is in `counts`."""
    parts = re.split(r"[x×,]", text.strip())
    is_right = len(parts) in counts and all(part.isdigit() and int(part) > 0 for part in parts)
    if not is_right:
        wanted = "` or `".join("x".join("8" * count) for count in counts)
        raise UsageError(f"Expected a size such as `{wanted}` for {name}, got `{text}`.")
    return tuple(int(part) for part in parts)


def pair(text: str, name: str, *, least: int = 0) -> tuple[int, int]:
    """`3` or `3x2` (or `3,2`) as two whole numbers from `least`."""
    parts = re.split(r"[x×,]", text.strip())
    if len(parts) > 2 or not all(part.isdigit() and int(part) >= least for part in parts):
        raise UsageError(
            f"Expected one or two whole numbers from {least} for {name}, such as `3` or `3x2`; "
            f"got `{text}`."
        )
    first, last = int(parts[0]), int(parts[-1])
    return first, last


def at_least(value: int, least: int, name: str) -> int:
    """`value`. Raises `UsageError` if it is below `least`."""
    if value < least:
        raise UsageError(f"Expected at least {least} for {name}, got {value}.")
    return value
