"""Inputs and targets of each example side by side, so that one line of the cache brings both.

Networks read their own data in random order; what that costs is the lines, not the numbers.
"""

from __future__ import annotations

from defib.ensemble.kernel.arguments import argument
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import Code, Index, Value, plus, times
from defib.ensemble.kernel.procedures import Procedures, when


def pack_where_asked(procedures: Procedures, code: Code, arguments: Value) -> None:
    """Where `packs` is set, copies the raw data of the block to where `inputs` points."""
    special = procedures.special
    fields = ("raw_inputs", "raw_targets", "inputs", "points")
    with when(code, argument(code, arguments, "packs"), 1):
        procedures.call(
            code,
            "pack",
            lambda inner, values: _write_pack(inner, special, values),
            *(argument(code, arguments, field) for field in fields),
        )


def _write_pack(code: Code, special: Specialization, values: tuple[Value, ...]) -> None:
    """packed [lane][point][inputs, targets] from inputs and targets, each [lane][point][...]."""
    *sources, packed, points = values
    scalar, widths = code.lanes.scalar, special.columns[:2]
    row = sum(widths)

    def copy(n: Index, _: list[Value]) -> list[Value]:
        place = times(code, n, row)
        for source, width, first in zip(sources, widths, (0, widths[0]), strict=True):
            for c in range(width):
                number = code.load(source, plus(code, times(code, n, width), c), scalar)
                code.store(number, packed, plus(code, place, first + c))
        return []

    code.repeat(0, times(code, points, code.lanes.count), 1, [], copy)
