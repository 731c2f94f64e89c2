"""From data to outputs and back: what happens to the examples of one batch, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from llvmlite import ir

from defib.ensemble.kernel.activations import times_derivative
from defib.ensemble.kernel.code import Code, Index, Lanes, Value, gather, plus, times
from defib.ensemble.kernel.layers import Layer, Tile
from defib.ensemble.kernel.losses import example_loss, loss_gradient, target_columns
from defib.ensemble.specification import Network


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
    data, stride, order, start, count, target = values
    builder, kind = code.builder, code.lanes.indices
    lanes = ir.Constant(kind, [ir.Constant(kind.element, i) for i in range(code.lanes.count)])
    offsets = builder.mul(lanes, code.splat(builder.trunc(stride, ir.IntType(32))))

    def row(e: Index, _: list[Value]) -> list[Value]:
        index = code.load(order, plus(code, start, e), kind)
        first = builder.add(builder.mul(index, code.integer(columns, kind)), offsets)
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
    builder = code.builder

    def unit(u: Index, _: list[Value]) -> list[Value]:
        places = [times(code, u, 2), plus(code, times(code, u, 2), 1)]

        def example(e: Index, carried: list[Value]) -> list[Value]:
            a = code.load(activations, plus(code, times(code, e, width), u))
            least, greatest = carried
            # Written so that a NaN is taken over, and stays.
            keeps = builder.fcmp_ordered("<=", least, a)
            keeps = builder.or_(keeps, builder.fcmp_unordered("uno", least, least))
            holds = builder.fcmp_ordered(">=", greatest, a)
            holds = builder.or_(holds, builder.fcmp_unordered("uno", greatest, greatest))
            return [builder.select(keeps, least, a), builder.select(holds, greatest, a)]

        initial = [code.load(ranges, place) for place in places]
        for value, place in zip(code.repeat(0, count, 1, initial, example), places, strict=True):
            code.store(value, ranges, place)
        return []

    code.repeat(0, width, 1, [], unit)


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
