"""From data to outputs and back: what happens to the examples of one batch, piece by piece."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from llvmlite import ir

from defib.ensemble.kernel.activations import times_derivative
from defib.ensemble.kernel.code import Code, Index, Lanes, Value, gather, plus, times
from defib.ensemble.kernel.layers import Layer, Tile, over_units
from defib.ensemble.kernel.losses import example_loss, loss_gradient, target_columns
from defib.ensemble.specification import Network

_RANGE_TILE = 4
"""Units whose ranges are kept in registers together: enough not to wait for one comparison."""


@final
@dataclass(frozen=True)
class Specialization:
    """All that compiled code is made for; code of equal ones is the same."""

    network: Network
    loss: str
    optimizer: str
    lanes: Lanes
    tile: Tile

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        activations = self.network.parsed_activations
        below = (None, *activations[:-1])
        return tuple(
            Layer(*sizes, activation, before)
            for sizes, activation, before in zip(
                self.network.layers, activations, below, strict=True
            )
        )

    @cached_property
    def forward_kinds(self) -> tuple[int, ...]:
        """A number for each layer; layers that run forward by the same code have the same."""
        shapes = [(layer.fan_in, layer.fan_out, layer.activation) for layer in self.layers]
        return tuple(shapes.index(shape) for shape in shapes)

    @cached_property
    def backward_kinds(self) -> tuple[int, ...]:
        """The same for the way back."""
        shapes = [(layer.fan_in, layer.fan_out, layer.below) for layer in self.layers]
        return tuple(shapes.index(shape) for shape in shapes)

    @property
    def targets(self) -> int:
        return target_columns(self.loss, self.network.widths[-1])

    @property
    def columns(self) -> tuple[int, ...]:
        """Vectors of one example in the scratch memory: inputs, targets, each layer's units."""
        return (self.network.widths[0], self.targets, *self.network.widths[1:])


def region(code: Code, special: Specialization, memory: tuple[Value, Value], number: int) -> Value:
    """Where region `number` of the scratch begins; memory: (pointer, examples that fit in it)."""
    scratch, chunk = memory
    return code.address(scratch, times(code, chunk, sum(special.columns[:number])))


def write_gather(code: Code, columns: int, values: tuple[Value, ...]) -> None:
    """target [example][column] = the rows of the data that `order` names from `start` on."""
    data, stride, width, order, start, count, target = values
    builder, kind = code.builder, code.lanes.indices
    lanes = ir.Constant(kind, [ir.Constant(kind.element, i) for i in range(code.lanes.count)])
    step = code.splat(builder.trunc(width, ir.IntType(32)))
    offsets = builder.mul(lanes, code.splat(builder.trunc(stride, ir.IntType(32))))

    def row(e: Index, _: list[Value]) -> list[Value]:
        index = code.load(order, plus(code, start, e), kind)
        first = builder.add(builder.mul(index, step), offsets)
        for column in range(columns):
            offset = builder.add(first, code.integer(column, kind))
            taken = gather(code, code.lanes.vector, data, offset)
            code.store(taken, target, plus(code, times(code, e, columns), column))
        return []

    code.repeat(0, count, 1, [], row)


def write_loss_sum(code: Code, special: Specialization, values: tuple[Value, ...]) -> None:
    """loss_sum += the losses of `count` examples."""
    outputs, targets, count, loss_sum = values

    def example(e: Index, carried: list[Value]) -> list[Value]:
        o, t = _example(code, special, (outputs, targets), e)
        return [code.builder.fadd(carried[0], example_loss(code, special.loss, o, t))]

    [total] = code.repeat(0, count, 1, [code.load(loss_sum, 0)], example)
    code.store(total, loss_sum, 0)


def write_loss_gradient(code: Code, special: Specialization, values: tuple[Value, ...]) -> None:
    """Turns outputs into the gradient of their inputs, times `scale` (a number for all lanes)."""
    outputs, targets, count, scale = values
    factor = code.splat(scale)
    width, activation = special.network.widths[-1], special.layers[-1].activation

    def example(e: Index, _: list[Value]) -> list[Value]:
        o, t = _example(code, special, (outputs, targets), e)
        gradients = loss_gradient(code, special.loss, o, t)
        for column, (output, gradient) in enumerate(zip(o, gradients, strict=True)):
            scaled = code.builder.fmul(gradient, factor)
            result = times_derivative(code, activation, output, scaled)
            code.store(result, outputs, plus(code, times(code, e, width), column))
        return []

    code.repeat(0, count, 1, [], example)


def write_ranges(code: Code, width: int, values: tuple[Value, ...]) -> None:
    """Widens the ranges [unit](least, greatest) by the activations of `count` examples."""
    activations, count, ranges = values

    def tile(first: Index, units: int) -> None:
        def example(e: Index, carried: list[Value]) -> list[Value]:
            start = plus(code, times(code, e, width), first)
            numbers = [code.load(activations, plus(code, start, u)) for u in range(units)]
            parts = [carried[3 * u : 3 * u + 3] for u in range(units)]
            pairs = zip(numbers, parts, strict=True)
            return [value for a, part in pairs for value in _wider(code, a, part)]

        places = [plus(code, times(code, first, 2), end) for end in range(2 * units)]
        ends = [code.load(ranges, place) for place in places]
        zero = code.constant(0.0)
        initial = [v for u in range(units) for v in (ends[2 * u], ends[2 * u + 1], zero)]
        found = code.repeat(0, count, 1, initial, example)
        for u in range(units):
            pair = _marked(code, found[3 * u : 3 * u + 3])
            for place, value in zip(places[2 * u : 2 * u + 2], pair, strict=True):
                code.store(value, ranges, place)

    over_units(code, width, _RANGE_TILE, tile)


def _wider(code: Code, a: Value, carried: list[Value]) -> list[Value]:
    """(least, greatest, tracker) with one more number; the tracker becomes NaN at NaN or ∞."""
    builder, (least, greatest, tracker) = code.builder, carried
    return [
        builder.select(builder.fcmp_ordered("<", a, least), a, least),
        builder.select(builder.fcmp_ordered(">", a, greatest), a, greatest),
        code.fma(a, code.constant(0.0), tracker),
    ]


def _marked(code: Code, carried: list[Value]) -> list[Value]:
    """(least, greatest); both NaN where a number was NaN and none infinite."""
    builder, (least, greatest, tracker) = code.builder, carried
    low = builder.fcmp_ordered("==", least, code.constant(-math.inf))
    high = builder.fcmp_ordered("==", greatest, code.constant(math.inf))
    is_strange = builder.fcmp_unordered("uno", tracker, tracker)
    is_nan = builder.and_(is_strange, builder.not_(builder.or_(low, high)))
    return [builder.select(is_nan, tracker, end) for end in (least, greatest)]


def write_copy(code: Code, values: tuple[Value, ...]) -> None:
    """target [0 ... count) = source [0 ... count)."""
    source, target, count = values

    def one(i: Index, _: list[Value]) -> list[Value]:
        code.store(code.load(source, i), target, i)
        return []

    code.repeat(0, count, 1, [], one)


def _example(
    code: Code, special: Specialization, pointers: tuple[Value, Value], e: Index
) -> tuple[list[Value], list[Value]]:
    """The outputs and the targets of example e."""
    rows: list[Any] = []
    widths = (special.network.widths[-1], special.targets)
    for pointer, width in zip(pointers, widths, strict=True):
        first = times(code, e, width)
        rows.append([code.load(pointer, plus(code, first, column)) for column in range(width)])
    return rows[0], rows[1]
