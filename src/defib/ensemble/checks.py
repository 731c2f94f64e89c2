"""Checks of single numbers, with messages that say what was expected and what came."""

from __future__ import annotations

import math
from collections.abc import Iterable

from defib.errors import UsageError


def listed(names: Iterable[str]) -> str:
    """The names in quotes, one after the other."""
    return ", ".join(f"`{name}`" for name in names)


def number(text: str, whole: str) -> float:
    """The number that `text`, a part of `whole`, spells."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"`{whole}`: {text!r} is no number. Write e.g. `leaky_relu(0.1)`."
        ) from None


def check_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise UsageError(f"The {name} is a finite number; {value} came.")


def check_not_negative(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"`{name}` is a finite number of at least 0; {value} came.")


def check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise UsageError(f"`{name}` lies in [0, 1); {value} came.")
