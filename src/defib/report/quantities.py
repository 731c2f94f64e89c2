"""Numbers as a reader wants them: few digits, units, and NaN as NaN."""

from __future__ import annotations

import math

SHARES = ("fraction", "share", "accuracy", "overhead")
"""Words in the name of a quantity that is a share of a whole, in [0, 1]."""


def number(value: float | str) -> str:
    """`value` with four significant digits: `0.3217`, `12,400`, `3.2e-7`, `NaN`, `infinity`."""
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-3:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if float(value).is_integer():
        return f"{int(value):,}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def percent(share: float) -> str:
    """`share` in percent. What is not nothing or everything never looks as if it were."""
    if not math.isfinite(share):
        return number(share)
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    if 0 < share < 0.1 or 0.99 < share < 1:
        return f"{100 * share:.1f}%".replace(".0%", "%")
    return f"{100 * share:.0f}%"


def quantity(name: str, value: float | str) -> str:
    """The value of the measured quantity `name`: a percentage where the name says so."""
    if isinstance(value, str):
        return value
    is_share = any(word in name.lower() for word in SHARES)
    return percent(value) if is_share and 0 <= value <= 1 else number(value)


def label_of(name: str) -> str:
    """`dead unit fraction` for `dead_unit_fraction`."""
    return name.replace("_", " ").strip()


def duration(seconds: float) -> str:
    """`0.41 s`, `12.4 s`, `3 min 12 s`, `2 h 5 min`."""
    if not math.isfinite(seconds):
        return number(seconds)
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def count(amount: int, noun: str) -> str:
    """`1 step`, `1,000 steps`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def step_range(steps: tuple[int, int]) -> str:
    """`step 5`, or `steps 120 to 999`."""
    first, last = steps
    return f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"


def enumeration(names: tuple[str, ...], limit: int = 6) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    if len(names) > limit:
        names = (*names[: limit - 1], f"{len(names) - limit + 1:,} more")
    *before, last = names or ("",)
    return f"{', '.join(before)} and {last}" if before else last
