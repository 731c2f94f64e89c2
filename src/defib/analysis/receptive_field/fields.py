"""Records of receptive fields: sizes from the closed form, proved by the exact sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import final

import numpy as np

from defib.analysis.receptive_field.arithmetic import Step, chain
from defib.analysis.receptive_field.dependence import (
    Absent,
    Dependence,
    Lost,
    Memo,
    Placed,
    Progression,
    Whole,
)
from defib.analysis.receptive_field.input_axes import InputAxes, input_axes
from defib.analysis.receptive_field.interpretation import followed
from defib.analysis.receptive_field.merging import KEPT_APART, UNITED
from defib.analysis.receptive_field.state import Seen, Unknown, without_dims
from defib.analysis.trace import ModuleCall, Trace, Value
from defib.records.architecture import AxisField, Exactness, ReceptiveField

NO_STOPS: frozenset[Step | None] = frozenset()


@final
@dataclass(frozen=True)
class FieldSet:
    """The input positions that one output position depends on, clipped at the border.

    They are the union over `boxes` of the product of the sets per axis. `is_bound` when an
    operation joined positions of several axes, so that the true set may be smaller.
    """

    boxes: tuple[tuple[frozenset[int], ...], ...]
    is_bound: bool = False

    @property
    def positions(self) -> frozenset[tuple[int, ...]]:
        return frozenset(position for box in self.boxes for position in product(*box))


@final
class ReceptiveFields:
    """Receptive fields of all values of a trace, with respect to one input of the network."""

    def __init__(self, trace: Trace, axes: InputAxes | None = None) -> None:
        self.trace = trace
        self.axes = axes or input_axes(trace)
        self._states: Mapping[int, Seen | Unknown] = {}
        if self.axes is not None:
            self._states = followed(trace, self.axes, UNITED)
        self._fields: dict[object, tuple[AxisField, Exactness, str]] = {}

    def of(self, value: Value) -> ReceptiveField | None:
        """The field of a value, with the arithmetic of the operation that made it.

        None for values that do not depend on the input.
        """
        sources = () if value.producer < 0 else self.trace.operations[value.producer].inputs
        return self._record(value, sources)

    def of_call(self, call: ModuleCall) -> ReceptiveField | None:
        """The field of a module call's first output, with the arithmetic from its inputs on."""
        if not call.outputs:
            return None
        return self._record(call.outputs[0], call.inputs)

    def derivation(self, value: Value) -> tuple[str, ...]:
        """All arithmetic from the network's input on, along the path with the largest field."""
        record = self._record(value, ())
        return () if record is None else record.work

    def _record(self, value: Value, sources: Sequence[Value]) -> ReceptiveField | None:
        state = self._states.get(value.index)
        if state is None or self.axes is None:
            return None
        if isinstance(state, Unknown):
            return ReceptiveField(exactness=Exactness.UNKNOWN, reason=state.reason)
        path = state.paths[0]
        found = [self._axis_field(placed.dependence) for placed in path]
        fields = tuple(field for field, _, _ in found)
        doubts = [(exactness, reason) for _, exactness, reason in found if reason]
        exactness, reason = min(doubts, key=_trust, default=(Exactness.EXACT, ""))
        return ReceptiveField(
            axes=fields,
            is_global=all(_is_whole(placed.dependence) for placed in path),
            exactness=exactness,
            reason=reason,
            work=self._work(state, self._stops(sources)),
        )

    def _axis_field(self, dependence: Dependence) -> tuple[AxisField, Exactness, str]:
        if dependence not in self._fields:
            self._fields[dependence] = axis_field(dependence)
        return self._fields[dependence]

    def _stops(self, sources: Sequence[Value]) -> frozenset[Step | None]:
        steps: set[Step | None] = set()
        for value in sources:
            state = self._states.get(value.index)
            if isinstance(state, Seen):
                steps.update(placed.dependence.form.step for placed in state.paths[0])
        return frozenset(steps)

    def _work(self, state: Seen, stops: frozenset[Step | None]) -> tuple[str, ...]:
        assert self.axes is not None
        chains = [chain(placed.dependence.form.step, stops) for placed in state.paths[0]]
        if len(set(chains)) <= 1:
            return chains[0] if chains else ()
        names = self.axes.names
        return tuple(
            f"{name}: {line}" for name, lines in zip(names, chains, strict=True) for line in lines
        )


def receptive_fields(trace: Trace, axes: InputAxes | None = None) -> dict[int, ReceptiveField]:
    """Fields of everything the network computed from its first image-like input, by value index."""
    fields = ReceptiveFields(trace, axes)
    records = ((value.index, fields.of(value)) for value in trace.values)
    return {index: record for index, record in records if record is not None}


def call_fields(trace: Trace, axes: InputAxes | None = None) -> dict[int, ReceptiveField]:
    """Fields of the first output of every module call, by the index of the call."""
    fields = ReceptiveFields(trace, axes)
    records = ((call.index, fields.of_call(call)) for call in trace.calls)
    return {index: record for index, record in records if record is not None}


def _trust(doubt: tuple[Exactness, str]) -> int:
    return [Exactness.UNKNOWN, Exactness.LOWER_BOUND, Exactness.EXACT].index(doubt[0])


def _is_whole(dependence: Dependence) -> bool:
    closed = dependence.form.closed
    if isinstance(closed, Whole):
        return True
    return isinstance(closed, Lost) and dependence.is_full


def axis_field(dependence: Dependence) -> tuple[AxisField, Exactness, str]:
    """Size, stride, offset; how far to trust them, and why."""
    closed = dependence.form.closed
    if isinstance(closed, Whole) or _is_whole(dependence):
        return AxisField(dependence.length, Fraction(0), Fraction(0)), Exactness.EXACT, ""
    if isinstance(closed, Absent):
        return AxisField(0, Fraction(0), Fraction(0)), Exactness.EXACT, ""
    if isinstance(closed, Lost):
        return _from_sets(dependence, closed.reason)
    field = AxisField(
        closed.size, closed.stride, Fraction(closed.offset), has_holes=closed.has_holes
    )
    disagreement = disagreement_of(dependence, closed)
    return field, Exactness.UNKNOWN if disagreement else Exactness.EXACT, disagreement


def _from_sets(dependence: Dependence, reason: str) -> tuple[AxisField, Exactness, str]:
    """The largest field at this size of the input; a lower bound if any is cut off."""
    inside = [each & (dependence.border - 1) for each in dependence.sets.flat]
    lows = [(each & -each).bit_length() - 1 for each in inside]
    spans = [each.bit_length() - low for each, low in zip(inside, lows, strict=True) if each]
    count = len(inside) - 1
    is_line = dependence.sets.ndim == 1 and count > 0 and all(inside)
    stride = Fraction(lows[-1] - lows[0], count) if is_line else Fraction(0)
    has_holes = any(
        each >> low & ((each >> low) + 1) for each, low in zip(inside, lows, strict=True) if each
    )
    offset = Fraction(max(lows[0], 0))
    field = AxisField(max(spans, default=0), stride, offset, has_holes=has_holes)
    if any(each & dependence.border for each in dependence.sets.flat):
        return field, Exactness.LOWER_BOUND, f"{reason}; cut off by the border of the input"
    return field, Exactness.EXACT, f"{reason}: the largest field at this size of the input"


def disagreement_of(dependence: Dependence, closed: Progression) -> str:
    """Empty if the closed form and the exact set of an interior position are the same."""
    if dependence.along < 0 or not dependence.sets.size:
        return ""
    rows = np.moveaxis(dependence.sets, dependence.along, 0)
    middle = len(rows) // 2
    for position in sorted(range(len(rows)), key=lambda each: abs(each - middle)):
        union = int(np.bitwise_or.reduce(rows[position], axis=None))
        if union & dependence.border:
            continue
        if union == closed.at(position).within(dependence.length):
            return ""
        return "closed form and exact set disagree: please report this network"
    return ""


@final
class FieldSets:
    """Exact sets of any position of any value of a trace."""

    def __init__(self, trace: Trace, axes: InputAxes | None = None) -> None:
        self.axes = axes or input_axes(trace)
        self._memo = Memo()
        self._states: Mapping[int, Seen | Unknown] = {}
        if self.axes is not None:
            merging = KEPT_APART if len(self.axes.dims) > 1 else UNITED
            self._states = followed(trace, self.axes, merging)

    def at(self, value: Value, position: Sequence[int]) -> FieldSet | None:
        """The set of `position` in the last dimensions (row and column of a feature map).

        It is the union over the dimensions before them (examples and channels). None where
        nothing is known.
        """
        state = self._states.get(value.index)
        if not isinstance(state, Seen):
            return None
        first = len(value.shape.dimensions) - len(position)
        state = state.mapped(lambda placed: without_dims(self._memo, placed, range(first)))
        index = dict(enumerate(position, first))
        boxes = (tuple(_set_at(placed, index) for placed in path) for path in state.paths)
        return FieldSet(tuple(dict.fromkeys(box for box in boxes if all(box))), state.is_box)


def _set_at(placed: Placed, index: Mapping[int, int]) -> frozenset[int]:
    sets = placed.dependence.sets
    bits = sets[tuple(index[dim] for dim in placed.dims)]
    return frozenset(i for i in range(placed.dependence.length) if bits >> i & 1)
