"""What the compiled code is told: one structure of pointers and whole numbers, 8 bytes each."""

from __future__ import annotations

import ctypes
from typing import Any, final

from defib.ensemble.kernel.code import INDEX, POINTER, Code, Value

_POINTERS = (
    "parameters",
    "first_slot",
    "second_slot",
    "gradient",
    "scratch",
    "order",
    "identity",
    "given_order",
    "inputs",
    "targets",
    "keys",
    "rates",
    "schedule",
    "constants",
    "unit_ranges",
    "loss_sum",
    "snapshots",
    "outputs",
    "raw_inputs",
    "raw_targets",
)
_NUMBERS = (
    "points",
    "batch",
    "chunk",
    "first_epoch",
    "last_epoch",
    "inputs_stride",
    "targets_stride",
    "inputs_row",
    "targets_row",
    "packs",
    "draws_order",
    "snapshot_every",
    "snapshot_mode",
    "mode",
)
FIELDS = (*_POINTERS, *_NUMBERS)

LOSS_MODE = 1
"""Losses are added up."""
RANGES_MODE = 16
"""Ranges of units are widened."""
STATISTICS_MODE = LOSS_MODE | RANGES_MODE
BACKWARD_MODE = 2
"""The gradient is added up."""
OUTPUT_MODE = 4
"""Outputs are copied."""
ALL_DATA_MODE = 8
"""A snapshot looks at all data, not at the batch."""


@final
class Arguments(ctypes.Structure):
    """Pointers to the arrays of one block of networks, and to what its thread works in.

    Strides are elements between the data of neighbouring networks, 0 where data are shared; rows
    are elements between the data of neighbouring examples.
    """

    _fields_ = [
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
    ]


def argument(code: Code, arguments: Value, name: str) -> Any:
    """The field `name` of the structure at `arguments`."""
    return code.load(arguments, FIELDS.index(name), POINTER if name in _POINTERS else INDEX)
