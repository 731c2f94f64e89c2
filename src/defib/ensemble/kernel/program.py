"""The compiled program: `train` and `evaluate` for one block of networks."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from defib.ensemble.kernel.arguments import ALL_DATA_MODE, BACKWARD_MODE, STATISTICS_MODE, argument
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import INDEX, Code, Index, Value, as_index, plus, smaller
from defib.ensemble.kernel.denormals import without_denormals
from defib.ensemble.kernel.optimizers import SCHEDULE_COLUMNS, SLOTS, Constants, Rule, stepped
from defib.ensemble.kernel.packing import pack_where_asked
from defib.ensemble.kernel.passes import accumulate
from defib.ensemble.kernel.procedures import Procedures, when
from defib.ensemble.kernel.shuffle import epoch_keys, write_shuffle
from defib.ensemble.kernel.snapshots import write_record, write_reset


def program_text(special: Specialization, triple: str) -> str:
    """LLVM code of the two entries, each taking a pointer to `Arguments`."""
    procedures = Procedures(special)
    for name, body in (("train", _write_train), ("evaluate", _write_evaluate)):

        def entry(code: Code, values: tuple[Value, ...], body: Any = body) -> None:
            with without_denormals(code, triple):
                body(procedures, code, values[0])

        procedures.entry(name, entry)
    return str(procedures.module)


def _write_evaluate(procedures: Procedures, code: Code, arguments: Value) -> None:
    """All examples in turn, as the mode asks."""
    identity, points = _identity(procedures, code, arguments)
    mode = argument(code, arguments, "mode")
    reset_statistics(procedures, code, arguments)
    accumulate(procedures, code, arguments, identity, as_index(0), points, mode)


def _write_train(procedures: Procedures, code: Code, arguments: Value) -> None:
    """Epochs first_epoch ... last_epoch, the last one excluded."""
    points = argument(code, arguments, "points")
    pack_where_asked(procedures, code, arguments)
    with when(code, argument(code, arguments, "snapshot_mode"), ALL_DATA_MODE):
        _identity(procedures, code, arguments)
    batch = argument(code, arguments, "batch")
    first, last = (argument(code, arguments, f"{end}_epoch") for end in ("first", "last"))
    steps = code.builder.sdiv(code.builder.sub(code.builder.add(points, batch), as_index(1)), batch)

    def epoch(number: Index, _: list[Value]) -> list[Value]:
        order = _order(procedures, code, arguments, number)

        def step(start: Index, carried: list[Value]) -> list[Value]:
            size = smaller(code, batch, code.builder.sub(points, start))
            _write_step(procedures, code, arguments, (order, start, size, carried[0]))
            return [plus(code, carried[0], 1)]

        code.repeat(0, points, batch, [code.builder.mul(number, steps)], step)
        return []

    code.repeat(first, last, 1, [], epoch)


def _write_step(
    procedures: Procedures, code: Code, arguments: Value, rows: tuple[Value, ...]
) -> None:
    order, start, size, step = rows
    procedures.call(
        code,
        "step",
        lambda inner, values: _step_body(procedures, inner, values),
        arguments,
        order,
        start,
        size,
        step,
    )


def _step_body(procedures: Procedures, code: Code, values: tuple[Value, ...]) -> None:
    """A snapshot where one is due, the gradient of a batch, and the optimiser's step."""
    arguments, order, start, size, step = values
    builder = code.builder
    every, asked = (argument(code, arguments, f"snapshot_{name}") for name in ("every", "mode"))
    number = builder.sdiv(step, every)
    due = builder.and_(
        builder.icmp_signed("==", builder.mul(number, every), step),
        builder.icmp_signed("!=", asked, as_index(0)),
    )
    mode = ir.Constant(INDEX, BACKWARD_MODE)
    on_data = builder.icmp_signed("!=", builder.and_(asked, as_index(ALL_DATA_MODE)), as_index(0))
    points = argument(code, arguments, "points")
    with builder.if_then(builder.and_(due, on_data)):
        identity = argument(code, arguments, "identity")
        reset_statistics(procedures, code, arguments)
        accumulate(procedures, code, arguments, identity, as_index(0), points, asked)
        record(procedures, code, arguments, (number, points))
        _clear(procedures, code, arguments)
    on_batch = builder.and_(due, builder.not_(on_data))
    with builder.if_then(on_batch):
        reset_statistics(procedures, code, arguments)
    batch_mode = builder.select(on_batch, as_index(BACKWARD_MODE | STATISTICS_MODE), mode)
    accumulate(procedures, code, arguments, order, start, size, batch_mode)
    with builder.if_then(on_batch):
        record(procedures, code, arguments, (number, size))
    procedures.call(
        code, "update", lambda inner, rest: _write_update(procedures, inner, rest), arguments, step
    )


def reset_statistics(procedures: Procedures, code: Code, arguments: Value) -> None:
    units = procedures.special.network.units
    procedures.call(
        code,
        "reset",
        lambda inner, values: write_reset(inner, units, values),
        argument(code, arguments, "unit_ranges"),
        argument(code, arguments, "loss_sum"),
    )


def record(procedures: Procedures, code: Code, arguments: Value, row: tuple[Value, Value]) -> None:
    """Writes a row: (number of the snapshot, how many examples it was measured on)."""
    special = procedures.special
    procedures.call(
        code,
        "record",
        lambda inner, values: write_record(inner, special, values),
        argument(code, arguments, "snapshots"),
        argument(code, arguments, "unit_ranges"),
        argument(code, arguments, "loss_sum"),
        argument(code, arguments, "gradient"),
        *row,
    )


def _clear(procedures: Procedures, code: Code, arguments: Value) -> None:
    def write(inner: Code, values: tuple[Value, ...]) -> None:
        def one(i: Index, _: list[Value]) -> list[Value]:
            inner.store(inner.constant(0.0), values[0], i)
            return []

        inner.repeat(0, procedures.special.network.parameters, 1, [], one)

    procedures.call(code, "clear", write, argument(code, arguments, "gradient"))


def _identity(procedures: Procedures, code: Code, arguments: Value) -> tuple[Value, Value]:
    """The order 0, 1, 2, ... for all networks, and how many examples there are."""

    def write(inner: Code, values: tuple[Value, ...]) -> None:
        def one(i: Index, _: list[Value]) -> list[Value]:
            inner.store(inner.splat(inner.builder.trunc(i, ir.IntType(32))), values[0], i)
            return []

        inner.repeat(0, values[1], 1, [], one)

    identity, points = (argument(code, arguments, name) for name in ("identity", "points"))
    procedures.call(code, "identity", write, identity, points)
    return identity, points


def _order(procedures: Procedures, code: Code, arguments: Value, epoch: Index) -> Value:
    """Where the order of this epoch is: drawn now, or one of those that were given."""
    builder, kind = code.builder, code.lanes.indices
    points = argument(code, arguments, "points")
    drawn = argument(code, arguments, "order")
    draws = builder.icmp_signed("!=", argument(code, arguments, "draws_order"), as_index(0))
    with builder.if_then(draws):
        keys = argument(code, arguments, "keys")
        procedures.call(
            code,
            "shuffle",
            lambda inner, values: write_shuffle(
                inner,
                values[0],
                values[1],
                epoch_keys(
                    inner,
                    (inner.load(values[2], 0, kind), inner.load(values[2], 1, kind)),
                    values[3],
                ),
            ),
            drawn,
            points,
            keys,
            epoch,
        )
    given = code.address(argument(code, arguments, "given_order"), builder.mul(epoch, points), kind)
    return builder.select(draws, drawn, given)


def _write_update(procedures: Procedures, code: Code, values: tuple[Value, ...]) -> None:
    """Moves every parameter by the optimiser's step and forgets the gradient."""
    arguments, step = values
    special, scalar = procedures.special, code.lanes.scalar
    numbers = argument(code, arguments, "constants")
    constants = Constants(*(code.splat(code.load(numbers, i, scalar)) for i in range(6)))
    schedule = argument(code, arguments, "schedule")
    row = code.builder.mul(step, as_index(SCHEDULE_COLUMNS))
    factor, second = (code.splat(code.load(schedule, plus(code, row, i), scalar)) for i in (0, 1))
    rate = code.builder.fmul(code.load(argument(code, arguments, "rates"), 0), factor)
    rule = Rule(special.optimizer, rate, second, constants)
    parameters, gradient = (argument(code, arguments, name) for name in ("parameters", "gradient"))
    slots = [argument(code, arguments, name) for name in ("first_slot", "second_slot")]
    slots = slots[: SLOTS[special.optimizer]]

    def one(i: Index, _: list[Value]) -> list[Value]:
        state = (code.load(parameters, i), code.load(gradient, i), [code.load(s, i) for s in slots])
        moved, remembered = stepped(code, rule, state)
        code.store(moved, parameters, i)
        code.store(code.constant(0.0), gradient, i)
        for slot, value in zip(slots, remembered, strict=True):
            code.store(value, slot, i)
        return []

    code.repeat(0, special.network.parameters, 1, [], one)
