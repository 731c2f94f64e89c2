"""A fully connected layer forward and backward, as sums of small tiles kept in registers.

Arrays of vectors: weights [output][input] and, behind them, biases [output]; activations
[example][unit]. Each lane of a vector belongs to another network, so no sum runs across lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from defib.ensemble.kernel.activations import activated, times_derivative
from defib.ensemble.kernel.code import Code, Index, Value, as_index, plus, times
from defib.ensemble.specification import Activation

_UNROLLED = 4
"""Sums of up to so many terms are written out."""


@final
@dataclass(frozen=True)
class Tile:
    """Units and examples whose sums are held in registers together.

    4 x 4 sums with their 8 operands fit in the 32 registers of AVX-512, 2 x 4 in 16.
    """

    units: int
    examples: int


@final
@dataclass(frozen=True)
class Layer:
    """A layer of weights; `below` is the activation of its inputs, `None` for the data."""

    fan_in: int
    fan_out: int
    activation: Activation
    below: Activation | None

    @property
    def parameters(self) -> int:
        return (self.fan_in + 1) * self.fan_out


def write_forward(code: Code, layer: Layer, tile: Tile, pointers: tuple[Value, ...]) -> None:
    """above = f(weights · below + biases), for `count` examples."""
    weights, below, above, count = pointers

    def sums(unit: Index, units: int, example: Index, examples: int) -> None:
        biases = plus(code, unit, layer.fan_in * layer.fan_out)
        start = [code.load(weights, plus(code, biases, o)) for o in range(units)]

        def add(k: Index, sums: list[Value]) -> list[Value]:
            w = [_at(code, weights, (plus(code, unit, o), k), layer.fan_in) for o in range(units)]
            a = [
                _at(code, below, (plus(code, example, e), k), layer.fan_in) for e in range(examples)
            ]
            return _multiplied(code, w, a, sums)

        spread = [start[o] for o in range(units) for _ in range(examples)]
        totals = _sum(code, layer.fan_in, spread, add)
        for position, total in enumerate(totals):
            o, e = divmod(position, examples)
            place = plus(
                code, times(code, plus(code, example, e), layer.fan_out), plus(code, unit, o)
            )
            code.store(activated(code, layer.activation, total), above, place)

    over_units(
        code,
        layer.fan_out,
        tile.units,
        lambda unit, units: _over_examples(
            code,
            count,
            tile.examples,
            lambda example, examples: sums(unit, units, example, examples),
        ),
    )


def write_backward(code: Code, layer: Layer, tile: Tile, pointers: tuple[Value, ...]) -> None:
    """Adds the gradient of the parameters; makes activations below the gradient of their inputs."""
    weights, gradient, below, delta, count = pointers
    over_units(
        code,
        layer.fan_out,
        tile.units,
        lambda unit, units: _write_gradient(
            code, layer, tile, (gradient, below, delta, count), rows=(unit, units)
        ),
    )
    if layer.below is not None:
        _write_delta(code, layer, tile, (weights, below, delta, count))


def _write_gradient(
    code: Code, layer: Layer, tile: Tile, pointers: tuple[Value, ...], *, rows: tuple[Index, int]
) -> None:
    """gradient[o][k] += Σ_e delta[e][o] · below[e][k] for some outputs o, and for their biases."""
    gradient, below, delta, count = pointers
    unit, units = rows
    biases = plus(code, unit, layer.fan_in * layer.fan_out)

    def deltas(e: Index) -> list[Value]:
        return [_at(code, delta, (e, plus(code, unit, o)), layer.fan_out) for o in range(units)]

    def tile_of_weights(column: Index, columns: int, is_first: bool) -> None:
        places = [
            plus(code, times(code, plus(code, unit, o), layer.fan_in), plus(code, column, k))
            for o in range(units)
            for k in range(columns)
        ]
        places += [plus(code, biases, o) for o in range(units)] if is_first else []

        def add(e: Index, sums: list[Value]) -> list[Value]:
            d = deltas(e)
            a = [_at(code, below, (e, plus(code, column, k)), layer.fan_in) for k in range(columns)]
            total = _multiplied(code, d, a, sums[: units * columns])
            pairs = zip(sums[units * columns :], d, strict=False)
            return total + [code.builder.fadd(total_bias, part) for total_bias, part in pairs]

        totals = code.repeat(0, count, 1, [code.load(gradient, place) for place in places], add)
        for place, total in zip(places, totals, strict=True):
            code.store(total, gradient, place)

    size, _ = _tiling(layer.fan_in, tile.units)
    tile_of_weights(0, size, True)
    over_units(
        code, layer.fan_in, tile.units, lambda k, n: tile_of_weights(k, n, False), first=size
    )


def _write_delta(code: Code, layer: Layer, tile: Tile, pointers: tuple[Value, ...]) -> None:
    """below[e][k] = f'(below[e][k]) Σ_o weights[o][k] · delta[e][o]."""
    weights, below, delta, count = pointers
    activation = layer.below
    assert activation is not None

    def sums(unit: Index, units: int, example: Index, examples: int) -> None:
        def add(o: Index, sums: list[Value]) -> list[Value]:
            w = [_at(code, weights, (o, plus(code, unit, k)), layer.fan_in) for k in range(units)]
            d = [
                _at(code, delta, (plus(code, example, e), o), layer.fan_out)
                for e in range(examples)
            ]
            return _multiplied(code, w, d, sums)

        totals = _sum(code, layer.fan_out, [code.constant(0.0)] * (units * examples), add)
        for position, total in enumerate(totals):
            k, e = divmod(position, examples)
            place = plus(
                code, times(code, plus(code, example, e), layer.fan_in), plus(code, unit, k)
            )
            a = code.load(below, place)
            code.store(times_derivative(code, activation, a, total), below, place)

    over_units(
        code,
        layer.fan_in,
        tile.units,
        lambda unit, units: _over_examples(
            code,
            count,
            tile.examples,
            lambda example, examples: sums(unit, units, example, examples),
        ),
    )


def _at(code: Code, pointer: Value, place: tuple[Index, Index], columns: int) -> Value:
    """Element (row, column) of an array of so many columns."""
    row, column = place
    return code.load(pointer, plus(code, times(code, row, columns), column))


def _multiplied(
    code: Code, first: list[Value], second: list[Value], sums: list[Value]
) -> list[Value]:
    """sums + first ⊗ second, row by row."""
    pairs = [(x, y) for x in first for y in second]
    return [code.fma(x, y, s) for (x, y), s in zip(pairs, sums, strict=True)]


def _sum(
    code: Code, terms: int, start: list[Value], add: Callable[[Index, list[Value]], list[Value]]
) -> list[Value]:
    if terms > _UNROLLED:
        return code.repeat(0, terms, 1, start, add)
    for term in range(terms):
        start = add(term, start)
    return start


def _tiling(units: int, largest: int) -> tuple[int, int]:
    """Size of a tile, at most `largest`, tiles being as even as possible; and units left over."""
    size = -(-units // -(-units // largest))
    return size, units % size


def over_units(
    code: Code, units: int, largest: int, body: Callable[[Index, int], None], *, first: int = 0
) -> None:
    """`body` for each tile of units from `first` on: where it begins, and its size."""
    size, rest = _tiling(units, largest)
    whole = units - rest
    if whole - first == size:
        body(first, size)
    elif whole > first:
        code.repeat(first, whole, size, [], lambda unit, _: (body(unit, size), [])[1])
    if rest and first <= whole:
        body(whole, rest)


def _over_examples(code: Code, count: Value, size: int, body: Callable[[Index, int], None]) -> None:
    """`body` for each tile of examples, and for the examples left over one by one."""
    whole = code.builder.and_(count, as_index(-size))  # size is a power of two
    code.repeat(0, whole, size, [], lambda example, _: (body(example, size), [])[1])
    code.repeat(whole, count, 1, [], lambda example, _: (body(example, 1), [])[1])
