"""An operation of the trace together with what its inputs depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from defib.analysis.receptive_field.dependence import Memo, Placed, Untracked
from defib.analysis.receptive_field.merging import KEPT_APART, Merging, mixes
from defib.analysis.receptive_field.state import Seen, Unknown, without_dims
from defib.analysis.trace import Operation, Trace, Value

State = Seen | Unknown | None
"""None: does not depend on the input."""


@final
@dataclass(frozen=True)
class Applied:
    """What a handler may look at."""

    operation: Operation
    states: Mapping[int, Seen | Unknown]
    merging: Merging
    memo: Memo
    trace: Trace

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """An argument, however it was given."""
        if index < len(self.operation.arguments):
            return self.operation.arguments[index]
        return self.operation.keywords.get(name, default)

    def state(self, value: Value | None) -> Seen | None:
        """What a value depends on; raises `Untracked` where that is not known."""
        state = None if value is None else self.states.get(value.index)
        if isinstance(state, Unknown):
            raise Untracked(state.reason)
        return state

    @property
    def first(self) -> Seen:
        """What the first argument depends on."""
        state = self.state(self.operation.arguments[0])
        if state is None:
            # Handlers run only where some input is followed: it is another one.
            raise Untracked(f"`{self.operation.name}` steered by a value computed from the input")
        return state

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first argument."""
        return self.operation.arguments[0].shape.dimensions

    @property
    def result_shape(self) -> tuple[int, ...]:
        return self.operation.outputs[0].shape.dimensions

    @property
    def name(self) -> str:
        return self.operation.name.rstrip("_") or self.operation.name

    def added(self, operands: Sequence[Seen], shape: Sequence[int]) -> Seen:
        return self.merging.added(self.memo, operands, shape)

    def without(self, seen: Seen, dims: Sequence[int]) -> Seen:
        """Union over dimensions."""
        result = seen.mapped(lambda placed: without_dims(self.memo, placed, dims))
        return self.boxed(seen, result, dims)

    def boxed(self, before: Seen, after: Seen, dims: Sequence[int]) -> Seen:
        """`after`, marked as a bound if the operation joined several axes along `dims`."""
        if self.merging is not KEPT_APART or after.is_box:
            return after
        return replace(after, is_box=mixes(before, dims))

    def mapped(self, change: Callable[[Placed], Placed]) -> Seen:
        return self.first.mapped(change)


Handler = Callable[[Applied], State | tuple[State, ...]]


def dimension(dim: int, rank: int) -> int:
    """`dim` counted from the front."""
    return dim + rank if dim < 0 else dim
