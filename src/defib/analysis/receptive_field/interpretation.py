"""Follows what every value of a trace depends on, from operation to operation."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from defib.analysis.receptive_field import (
    mixing,
    moving,
    resampling,
    reshaping,
    shuffling,
    windows,
    writing,
)
from defib.analysis.receptive_field.applied import Applied, Handler, State
from defib.analysis.receptive_field.dependence import Memo, Placed, Untracked, root
from defib.analysis.receptive_field.input_axes import InputAxes
from defib.analysis.receptive_field.merging import Merging
from defib.analysis.receptive_field.state import Seen, Unknown
from defib.analysis.trace import Operation, Trace

HANDLERS: Mapping[str, Handler] = {
    **windows.HANDLERS,
    **resampling.HANDLERS,
    **mixing.HANDLERS,
    **reshaping.HANDLERS,
    **shuffling.HANDLERS,
    **moving.HANDLERS,
    **writing.HANDLERS,
}

WITHOUT_CONTENT = frozenset(
    [
        "empty_like",
        "zeros_like",
        "ones_like",
        "full_like",
        "rand_like",
        "randn_like",
        "randint_like",
        "new_empty",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty_strided",
        "zero_",
        "fill_",
        "uniform_",
        "normal_",
        "bernoulli_",
        "zero",
        "fill",
    ]
)
"""Results that take over the shape of their argument and nothing else."""


def followed(trace: Trace, axes: InputAxes, merging: Merging) -> dict[int, Seen | Unknown]:
    """What values depend on, by value index; values that do not depend on the input are absent."""
    memo = Memo()
    roots = tuple(
        Placed(memo.once(("root", length), lambda length=length: root(length)), (dim,))
        for dim, length in zip(axes.dims, axes.lengths, strict=True)
    )
    states: dict[int, Seen | Unknown] = {axes.value.index: Seen((roots,))}
    for operation in trace.operations:
        if any(value.index in states for value in operation.inputs):
            _follow(Applied(operation, states, merging, memo, trace), states)
    return states


def _follow(applied: Applied, states: dict[int, Seen | Unknown]) -> None:
    operation = applied.operation
    try:
        result = _result(applied)
    except Untracked as untracked:
        result = Unknown(str(untracked))
    outputs = operation.outputs
    results = result if isinstance(result, tuple) else (result,) * len(outputs)
    for value, state in zip(outputs, results, strict=True):
        if state is not None:
            states[value.index] = state


def _result(applied: Applied) -> State | tuple[State, ...]:
    operation = applied.operation
    for value in operation.inputs:
        state = applied.states.get(value.index)
        if isinstance(state, Unknown) and operation.name not in WITHOUT_CONTENT:
            return state
    handler = _handler(operation)
    if handler is None:
        reason = f"the dependence of the operator `{operation.operator}` is not modelled"
        return Unknown(reason)
    return handler(applied)


def _handler(operation: Operation) -> Handler | None:
    name = operation.name
    if name in WITHOUT_CONTENT:
        return lambda _: None
    found = HANDLERS.get(name) or HANDLERS.get(name.rstrip("_"))
    if found is not None:
        return found
    tags = getattr(operation.operator, "tags", ())
    return mixing.pointwise if torch.Tag.pointwise in tags else None
