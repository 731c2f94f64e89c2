"""Arguments of a torch function by position or by name."""

from __future__ import annotations

from typing import Any

from defib.analysis.trace import FunctionCall, Value

NO_SIZES: tuple[int, ...] = ()
_TENSOR_NAMES = frozenset({"input", "weight", "bias"})


def argument(call: FunctionCall, position: int, name: str, default: Any = None) -> Any:
    """What the code gave for a parameter of the function, or `default`."""
    if position < len(call.arguments):
        return call.arguments[position]
    return call.keywords.get(name, default)


def sizes(call: FunctionCall, position: int, name: str) -> tuple[int, ...]:
    """Sizes of the tensor that was given for a parameter; empty where there was none."""
    value = argument(call, position, name)
    return value.shape.dimensions if isinstance(value, Value) else NO_SIZES


def has_tensor_options(call: FunctionCall, tensors: int) -> bool:
    """Whether a number behind the first `tensors` arguments was given as a tensor (a padding)."""
    named = (value for name, value in call.keywords.items() if name not in _TENSOR_NAMES)
    options = (*call.arguments[tensors:], *named)
    parts = (each if isinstance(each, tuple | list) else (each,) for each in options)
    return any(isinstance(part, Value) for each in parts for part in each)
