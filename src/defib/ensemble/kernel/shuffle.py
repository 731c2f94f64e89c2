"""A random order of the examples for each network: Fisher and Yates, all lanes at once.

The number drawn for position i is a hash of (key of the network, epoch, i), so that it does not
depend on what was drawn before, on the other networks or on threads.
`defib.ensemble.random_numbers.shuffled_orders` computes the same orders with NumPy.
"""

from __future__ import annotations

from llvmlite import ir

from defib.ensemble.kernel.code import INDEX, Code, Index, Value, gather, scatter
from defib.ensemble.random_numbers import (
    EPOCH_FACTORS,
    FIRST_MULTIPLIER,
    POSITION_FACTOR,
    SECOND_MULTIPLIER,
)


def write_shuffle(code: Code, order: Value, points: Value, keys: tuple[Value, Value]) -> None:
    """order [points] = an order of 0 ... points-1, drawn by the two keys of this epoch."""
    kind, count = code.lanes.indices, code.lanes.count
    builder = code.builder
    numbers = ir.Constant(kind, [ir.Constant(kind.element, lane) for lane in range(count)])

    def place(i: Index, _: list[Value]) -> list[Value]:
        position = code.splat(builder.trunc(i, ir.IntType(32)))
        drawn = _below(code, _hash(code, position, keys), position)
        offset = builder.add(builder.mul(drawn, code.integer(count, kind)), numbers)
        code.store(gather(code, kind, order, offset), order, i)
        scatter(code, position, order, offset)
        return []

    code.repeat(0, points, 1, [], place)


def epoch_keys(code: Code, keys: tuple[Value, Value], epoch: Value) -> tuple[Value, Value]:
    """The keys of a network made those of one epoch."""
    number = code.splat(code.builder.trunc(epoch, ir.IntType(32)))
    kind = code.lanes.indices
    mixed = []
    for key, factor in zip(keys, EPOCH_FACTORS, strict=True):
        value = code.builder.mul(number, code.integer(factor, kind))
        mixed.append(_mixed(code, code.builder.add(key, value)))
    return mixed[0], mixed[1]


def _hash(code: Code, position: Value, keys: tuple[Value, Value]) -> Value:
    """A 32-bit number that depends on every bit of the position and of both keys."""
    builder, kind = code.builder, code.lanes.indices
    x = builder.add(builder.mul(position, code.integer(POSITION_FACTOR, kind)), keys[0])
    x = _shifted(code, x, 16)
    x = builder.mul(x, code.integer(FIRST_MULTIPLIER, kind))
    x = builder.xor(_shifted(code, x, 15), keys[1])
    x = builder.mul(x, code.integer(SECOND_MULTIPLIER, kind))
    return _shifted(code, x, 15)


def _mixed(code: Code, x: Value) -> Value:
    kind = code.lanes.indices
    x = code.builder.mul(_shifted(code, x, 16), code.integer(FIRST_MULTIPLIER, kind))
    x = code.builder.mul(_shifted(code, x, 15), code.integer(SECOND_MULTIPLIER, kind))
    return _shifted(code, x, 15)


def _shifted(code: Code, x: Value, bits: int) -> Value:
    return code.builder.xor(x, code.builder.lshr(x, code.integer(bits, code.lanes.indices)))


def _below(code: Code, number: Value, position: Value) -> Value:
    """A number in 0 ... position, from 32 random bits: the upper half of the product."""
    builder, kind = code.builder, code.lanes.indices
    wide = ir.VectorType(INDEX, code.lanes.count)
    limit = builder.add(position, code.integer(1, kind))
    product = builder.mul(builder.zext(number, wide), builder.zext(limit, wide))
    return builder.trunc(builder.lshr(product, code.integer(32, wide)), kind)
