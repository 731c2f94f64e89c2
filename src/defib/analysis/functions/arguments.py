"""Arguments of a torch function by position or by name."""

from __future__ import annotations

from typing import Any

from defib.analysis.trace import FunctionCall, Value

NO_SIZES: tuple[int, ...] = ()


def argument(call: FunctionCall, position: int, name: str, default: Any = None) -> Any:
    """What the code gave for a parameter of the function, or `default`."""
    if position < len(call.arguments):
        return call.arguments[position]
    return call.keywords.get(name, default)


def sizes(call: FunctionCall, position: int, name: str) -> tuple[int, ...]:
    """Sizes of the tensor that was given for a parameter; empty where there was none."""
    value = argument(call, position, name)
    return value.shape.dimensions if isinstance(value, Value) else NO_SIZES
