"""Some examples through all layers and back, in pieces whose activations stay in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from llvmlite import ir

from defib.ensemble.kernel.arguments import (
    BACKWARD_MODE,
    LOSS_MODE,
    OUTPUT_MODE,
    RANGES_MODE,
    argument,
)
from defib.ensemble.kernel.batches import (
    region,
    write_copy,
    write_gather,
    write_loss_gradient,
    write_loss_sum,
    write_ranges,
)
from defib.ensemble.kernel.code import Code, Index, Value, as_index, plus, smaller, times
from defib.ensemble.kernel.layers import write_backward, write_forward
from defib.ensemble.kernel.losses import loss_terms
from defib.ensemble.kernel.procedures import Procedures, when


@final
@dataclass(frozen=True)
class Piece:
    """Examples that are in the scratch memory together."""

    procedures: Procedures
    arguments: Value
    memory: tuple[Value, Value]
    first: Value
    size: Value


def accumulate(procedures: Procedures, code: Code, *operands: Value) -> None:
    """Runs examples: statistics, gradient and outputs as the mode asks.

    operands: (arguments, order, start, count, mode); examples are order[start ... start + count).
    """
    procedures.call(
        code, "accumulate", lambda inner, values: _write(procedures, inner, values), *operands
    )


def _write(procedures: Procedures, code: Code, values: tuple[Value, ...]) -> None:
    arguments, order, start, count, mode = values
    builder, special = code.builder, procedures.special
    chunk = argument(code, arguments, "chunk")
    memory = (argument(code, arguments, "scratch"), chunk)
    terms = loss_terms(special.network.widths[-1], special.loss)
    number = builder.sitofp(builder.mul(count, as_index(terms)), special.lanes.scalar)
    scale = builder.fdiv(ir.Constant(special.lanes.scalar, 1.0), number)

    def run(done: Index, _: list[Value]) -> list[Value]:
        size = smaller(code, chunk, builder.sub(count, done))
        piece = Piece(procedures, arguments, memory, plus(code, start, done), size)
        _gather(code, piece, order)
        _forward(code, piece)
        with when(code, mode, LOSS_MODE):
            _add_losses(code, piece)
        with when(code, mode, RANGES_MODE):
            _widen_ranges(code, piece)
        with when(code, mode, OUTPUT_MODE):
            _copy_outputs(code, piece)
        with when(code, mode, BACKWARD_MODE):
            _backward(code, piece, scale)
        return []

    code.repeat(0, count, chunk, [], run)


def _gather(code: Code, piece: Piece, order: Value) -> None:
    for number, name in enumerate(("inputs", "targets")):
        columns = piece.procedures.special.columns[number]
        piece.procedures.call(
            code,
            f"gather_{columns}",
            lambda inner, values, columns=columns: write_gather(inner, columns, values),
            argument(code, piece.arguments, name),
            argument(code, piece.arguments, f"{name}_stride"),
            argument(code, piece.arguments, f"{name}_row"),
            order,
            piece.first,
            piece.size,
            _region(code, piece, number),
        )


def _forward(code: Code, piece: Piece) -> None:
    procedures, offset = piece.procedures, 0
    special = procedures.special
    for number, layer in enumerate(special.layers):
        procedures.call(
            code,
            f"forward_{special.forward_kinds[number]}",
            lambda inner, values, layer=layer: write_forward(inner, layer, special.tile, values),
            code.address(argument(code, piece.arguments, "parameters"), offset),
            _below(code, piece, number),
            _region(code, piece, number + 2),
            piece.size,
        )
        offset += layer.parameters


def _backward(code: Code, piece: Piece, scale: Value) -> None:
    special = piece.procedures.special
    piece.procedures.call(
        code,
        "loss_gradient",
        lambda inner, values: write_loss_gradient(inner, special, values),
        _region(code, piece, len(special.columns) - 1),
        _region(code, piece, 1),
        piece.size,
        scale,
    )
    offset = special.network.parameters
    for number, layer in reversed(tuple(enumerate(special.layers))):
        offset -= layer.parameters
        piece.procedures.call(
            code,
            f"backward_{special.backward_kinds[number]}",
            lambda inner, values, layer=layer: write_backward(inner, layer, special.tile, values),
            code.address(argument(code, piece.arguments, "parameters"), offset),
            code.address(argument(code, piece.arguments, "gradient"), offset),
            _below(code, piece, number),
            _region(code, piece, number + 2),
            piece.size,
        )


def _add_losses(code: Code, piece: Piece) -> None:
    special = piece.procedures.special
    output = len(special.columns) - 1
    piece.procedures.call(
        code,
        "loss_sum",
        lambda inner, values: write_loss_sum(inner, special, values),
        _region(code, piece, output),
        _region(code, piece, 1),
        piece.size,
        argument(code, piece.arguments, "loss_sum"),
    )


def _widen_ranges(code: Code, piece: Piece) -> None:
    special, offset = piece.procedures.special, 0
    for number in range(2, len(special.columns)):
        width = special.columns[number]
        piece.procedures.call(
            code,
            f"ranges_{width}",
            lambda inner, values, width=width: write_ranges(inner, width, values),
            _region(code, piece, number),
            piece.size,
            code.address(argument(code, piece.arguments, "unit_ranges"), offset),
        )
        offset += 2 * width


def _copy_outputs(code: Code, piece: Piece) -> None:
    width = piece.procedures.special.network.widths[-1]
    target = argument(code, piece.arguments, "outputs")
    piece.procedures.call(
        code,
        "copy",
        write_copy,
        _region(code, piece, len(piece.procedures.special.columns) - 1),
        code.address(target, times(code, piece.first, width)),
        times(code, piece.size, width),
    )


def _region(code: Code, piece: Piece, number: int) -> Value:
    return region(code, piece.procedures.special, piece.memory, number)


def _below(code: Code, piece: Piece, number: int) -> Value:
    """Where the inputs of layer `number` are: the data, or the layer before it."""
    return _region(code, piece, number + 1 if number else 0)
