"""What is kept of a training while it runs: one row of vectors for each snapshot.

A row: loss, least output, greatest output, dead units of each hidden layer, squared gradient
norm of each layer of weights.
"""

from __future__ import annotations

import math
from functools import reduce

from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import Code, Index, Value, as_index, plus, times
from defib.ensemble.kernel.losses import loss_terms

RANGE_COLUMNS = 3
"""Loss, least and greatest output."""


def row_length(layers: int) -> int:
    """Vectors of one row."""
    return RANGE_COLUMNS + (layers - 1) + layers


def write_reset(code: Code, units: int, values: tuple[Value, ...]) -> None:
    """Empty ranges and no loss."""
    ranges, loss_sum = values

    def one(u: Index, _: list[Value]) -> list[Value]:
        code.store(code.constant(math.inf), ranges, times(code, u, 2))
        code.store(code.constant(-math.inf), ranges, plus(code, times(code, u, 2), 1))
        return []

    code.repeat(0, units, 1, [], one)
    code.store(code.constant(0.0), loss_sum, 0)


def write_record(code: Code, special: Specialization, values: tuple[Value, ...]) -> None:
    """The row of one snapshot, from what `size` examples left behind."""
    snapshots, ranges, loss_sum, gradient, number, size = values
    builder, layers = code.builder, special.layers
    row = code.address(snapshots, times(code, number, row_length(len(layers))))
    terms = loss_terms(special.network.widths[-1], special.loss)
    examples = builder.sitofp(builder.mul(size, as_index(terms)), code.lanes.scalar)
    code.store(builder.fdiv(code.load(loss_sum, 0), code.splat(examples)), row, 0)
    first, offset = 0, 0
    for layer, sizes in enumerate(layers):
        if layer + 1 < len(layers):
            dead = _dead_units(code, ranges, first, sizes.fan_out)
            code.store(dead, row, RANGE_COLUMNS + layer)
        else:
            _store_range(code, (ranges, row), first, sizes.fan_out)
        square = _squared_norm(code, gradient, offset, sizes.parameters)
        code.store(square, row, RANGE_COLUMNS + len(layers) - 1 + layer)
        first, offset = first + sizes.fan_out, offset + sizes.parameters


def _dead_units(code: Code, ranges: Value, first: int, units: int) -> Value:
    """Units from `first` on that were zero for every example."""
    zero, one = code.constant(0.0), code.constant(1.0)

    def count(u: Index, carried: list[Value]) -> list[Value]:
        place = times(code, plus(code, u, first), 2)
        least, greatest = (code.load(ranges, plus(code, place, end)) for end in (0, 1))
        is_zero = code.builder.and_(
            code.builder.fcmp_ordered("==", least, zero),
            code.builder.fcmp_ordered("==", greatest, zero),
        )
        return [code.builder.fadd(carried[0], code.builder.select(is_zero, one, zero))]

    return code.repeat(0, units, 1, [zero], count)[0]


def _store_range(code: Code, pointers: tuple[Value, Value], first: int, units: int) -> None:
    """The least and the greatest of all outputs."""
    ranges, row = pointers
    for end, sign in enumerate(("<", ">")):
        values = [code.load(ranges, 2 * (first + u) + end) for u in range(units)]

        def further(x: Value, y: Value, sign: str = sign) -> Value:
            beyond = code.builder.fcmp_unordered(sign, y, x)
            return code.builder.select(beyond, y, x)

        code.store(reduce(further, values), row, 1 + end)


def _squared_norm(code: Code, gradient: Value, offset: int, count: int) -> Value:
    def add(i: Index, carried: list[Value]) -> list[Value]:
        value = code.load(gradient, plus(code, i, offset))
        return [code.fma(value, value, carried[0])]

    return code.repeat(0, count, 1, [code.constant(0.0)], add)[0]
