"""Editing one argument in a line of the user's code, where that is certain."""

from __future__ import annotations

import math
import re

_NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def with_argument(code: str, names: tuple[str, ...], old: float, new: str) -> str | None:
    """`code` with the literal of the keyword argument replaced by `new`.

    `None` unless exactly one of `names` is given in it, once, as a literal equal to `old`.
    """
    pattern = re.compile(rf"\b({'|'.join(names)})(\s*=\s*)({_NUMBER})(?![\w.])")
    found = list(pattern.finditer(code))
    if len(found) != 1:
        return None
    # What was recorded may have passed through single precision.
    if not math.isclose(float(found[0][3].replace("_", "")), old, rel_tol=1e-6):
        return None
    start, end = found[0].span(3)
    return code[:start] + new + code[end:]


def with_name(code: str, old: str, new: str) -> str | None:
    """`code` with the one occurrence of the name `old` replaced; `None` unless there is one."""
    found = list(re.finditer(rf"\b{re.escape(old)}\b", code))
    if len(found) != 1:
        return None
    return code[: found[0].start()] + new + code[found[0].end() :]
