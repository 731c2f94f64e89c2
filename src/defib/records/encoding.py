"""Records as strict JSON, and back.

`nan` and infinities, which JSON does not have, are the strings "NaN", "Infinity" and
"-Infinity" where a number is expected.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

# JSON values are `Any` by nature.
Json = Any

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(value: object) -> Json:
    """`value` as JSON types; dataclasses become objects."""
    if isinstance(value, float):
        return value if math.isfinite(value) else encode_special(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {each.name: encode(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [encode(each) for each in value]
    return str(value)


def encode_special(value: float) -> str:
    """The string for `nan` or an infinity."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: Json) -> float:
    """A number written by `encode`."""
    return _SPECIAL[value] if isinstance(value, str) else float(value)


def decode(kind: Any, data: Json) -> Any:
    """An instance of the dataclass `kind`; unknown entries are ignored, missing ones default."""
    known = _hints(kind)
    return kind(**{name: _typed(known[name], data[name]) for name in known if name in data})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _typed(hint: Any, value: Json) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _typed(next(each for each in get_args(hint) if each is not type(None)), value)
    if origin is tuple:
        inner = get_args(hint)[0]
        return tuple(_typed(inner, each) for each in value)
    if isinstance(hint, type) and is_dataclass(hint):
        return decode(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if hint is float:
        return decode_number(value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _plain(value: Json) -> Json:
    return _SPECIAL.get(value, value) if isinstance(value, str) else value
