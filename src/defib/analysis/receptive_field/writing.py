"""Writes through a view: which part of a tensor another one wrote to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np

from defib.analysis.receptive_field.applied import Applied, Handler, State
from defib.analysis.receptive_field.arithmetic import moved_lines
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Form,
    Forms,
    Placed,
    Untracked,
    behind_taps,
    lost,
    mapped_forms,
    merged_form,
    one_form,
)
from defib.analysis.receptive_field.merging import UNITED
from defib.analysis.receptive_field.position_sets import filled
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.state import MOST_SETS, Seen, laid_out, nothing, spread
from defib.analysis.trace import Value


@final
@dataclass(frozen=True)
class Overlap:
    """Positions of one dimension that share memory: those of the tensor, those written."""

    mine: tuple[int, ...]
    written: tuple[int, ...]
    source: int
    """Dimension of what was written; -1 if it has none there."""


def alias_write(applied: Applied) -> State:
    """The tensor with the positions replaced that another view of its memory wrote."""
    known, written = applied.operation.arguments
    before, after = applied.state(known), applied.state(written)
    if (known.strides, known.offset, known.shape) == (
        written.strides,
        written.offset,
        written.shape,
    ):
        return after
    overlaps = overlap_of(known, written)
    if overlaps is None:
        return before
    if before is None and after is None:
        return None
    return _written(applied, before, after, overlaps)


def _written(
    applied: Applied, before: Seen | None, after: Seen | None, overlaps: tuple[Overlap, ...]
) -> Seen:
    shapes = [value.shape.dimensions for value in applied.operation.inputs]
    # Paths are not kept apart: parts of several would have to be replaced together.
    is_box = any(
        seen is not None and (len(seen.paths) > 1 or seen.is_box) for seen in (before, after)
    )
    old, new = (
        None if seen is None else UNITED.added(applied.memo, [seen], shape)
        for seen, shape in zip((before, after), shapes, strict=True)
    )
    columns = []
    for axis, length in enumerate(_lengths(old, new)):
        was = nothing(length) if old is None else old.paths[0][axis]
        written = nothing(length) if new is None else new.paths[0][axis]
        columns.append(_placed(was, written, overlaps, applied.result_shape))
    return Seen((tuple(columns),), is_box)


def _lengths(*operands: Seen | None) -> list[int]:
    present = next(seen for seen in operands if seen is not None)
    return [placed.dependence.length for placed in present.paths[0]]


def _placed(old: Placed, new: Placed, overlaps: Sequence[Overlap], shape: Sequence[int]) -> Placed:
    # Dimensions of what was written, numbered as those of the tensor.
    number = {each.source: dim for dim, each in enumerate(overlaps) if each.source >= 0}
    axes = [number.get(dim) for dim in new.dims]
    if None in axes:
        raise Untracked("a write through a view of other dimensions")
    moved = [dim for dim in axes if dim is not None]
    if sorted(moved) != moved:
        raise Untracked("a write through a transposed view")
    in_part = [dim for dim, each in enumerate(overlaps) if each.mine != tuple(range(shape[dim]))]
    dims = tuple(sorted({*old.dims, *moved, *in_part}))
    sizes = tuple(shape[dim] for dim in dims)
    if prod(sizes) > MOST_SETS:
        raise Untracked(f"a write into more than {MOST_SETS} positions")
    parts = [overlaps[dim] for dim in dims]
    base = spread(old.dependence, [dims.index(dim) for dim in old.dims], sizes)
    taken = _taken(new.dependence, [dims.index(dim) for dim in moved], parts)
    return Placed(_replaced(base, taken, parts), dims)


def _taken(source: Dependence, places: Sequence[int], parts: Sequence[Overlap]) -> Dependence:
    """What was written, its positions in the order in which they are replaced."""
    sets, forms = source.sets, source.forms
    for axis, place in enumerate(places):
        indices = np.asarray(parts[place].written, dtype=np.intp)
        sets = sets.take(indices, axis)
        if forms.shape[axis] > 1:
            forms = forms.take(indices, axis)
        elif axis == source.along:
            taps = Taps(1, 1, lambda o, start=parts[place].written[0]: (o + start,))
            forms = mapped_forms(
                forms, lambda form, taps=taps: behind_taps(form, taps, moved_lines)
            )
    along = places[source.along] if source.along >= 0 else -1
    rank = len(parts)
    target = tuple(len(part.mine) for part in parts)
    spread_sets = np.broadcast_to(laid_out(sets, places, rank), target)
    return replace(source, sets=spread_sets, forms=laid_out(forms, places, rank), along=along)


def _replaced(base: Dependence, taken: Dependence, parts: Sequence[Overlap]) -> Dependence:
    region = np.ix_(*(part.mine for part in parts))
    replaced = base.sets[region]
    sets = base.sets.copy()
    sets[region] = taken.sets
    axis = taken.along if base.along < 0 else base.along
    result = replace(base, sets=sets, along=axis)
    if taken.along >= 0 and not _depends(base):
        return _first_write(result, taken, parts, axis)
    if base.along >= 0 and not (replaced & ~base.border).any():
        # What was padding so far is filled: the interior stays as it is.
        sets[region] = taken.sets | base.border
        return result
    return replace(result, forms=_forms(base, taken, parts, axis))


def _depends(base: Dependence) -> bool:
    return bool((base.sets & ~base.border).any())


def _first_write(
    result: Dependence, taken: Dependence, parts: Sequence[Overlap], axis: int
) -> Dependence:
    """Into an empty tensor: whatever is left empty along the axis is padding."""
    mine = list(parts[axis].mine)
    step = mine[1] - mine[0] if len(mine) > 1 else 1
    empty = np.ones(result.sets.shape[axis], dtype=bool)
    empty[mine] = False
    sets = np.moveaxis(result.sets, axis, 0)
    border = filled(sets[empty].shape, result.border)
    sets[empty] = border
    forms = taken.forms
    if step != 1:
        forms = mapped_forms(forms, lambda form: lost(form, "written with gaps"))
    elif mine[0]:
        taps = Taps(1, 1, lambda position: (position - mine[0],))
        forms = mapped_forms(forms, lambda form: behind_taps(form, taps, moved_lines))
    return replace(result, forms=_shape_like(forms, result))


def _shape_like(forms: Forms, result: Dependence) -> Forms:
    """Forms of a part hold for the whole: the rest is empty."""
    if all(size in (1, whole) for size, whole in zip(forms.shape, result.sets.shape, strict=True)):
        return forms
    return one_form(merged_form(forms.flat), forms.ndim)


def _forms(base: Dependence, taken: Dependence, parts: Sequence[Overlap], axis: int) -> Forms:
    form: Form = merged_form([base.form, taken.form])
    is_along = axis >= 0 and parts[axis].mine != tuple(range(base.sets.shape[axis]))
    if is_along or (taken.along >= 0 and base.along >= 0 and taken.along != base.along):
        form = lost(form, "written in pieces")
    return one_form(form, base.sets.ndim)


def overlap_of(known: Value, written: Value) -> tuple[Overlap, ...] | None:
    """Which positions share memory, per dimension; None if none do."""
    if not known.strides and known.shape.dimensions:
        raise Untracked("a write into a tensor without strides")
    sources = _matching_dimensions(known, written)
    order = sorted(range(len(known.strides)), key=lambda dim: -known.strides[dim])
    for nearest in (False, True):
        rest = written.offset - known.offset
        overlaps: dict[int, Overlap] = {}
        for dim in order:
            stride = known.strides[dim]
            size = known.shape.dimensions[dim]
            source = sources.get(dim, -1)
            step = written.strides[source] if source >= 0 else stride
            unit = min(stride, step) or 1
            turns = round(rest / unit) if nearest else rest // unit
            count = written.shape.dimensions[source] if source >= 0 else 1
            turns = turns if size > 1 or count > 1 else 0
            rest -= turns * unit
            overlaps[dim] = _overlap((size, stride), (count, step), turns * unit, source)
        if rest == 0 and all(each.mine for each in overlaps.values()):
            return tuple(overlaps[dim] for dim in range(len(order)))
    return None


def _overlap(mine: tuple[int, int], written: tuple[int, int], start: int, source: int) -> Overlap:
    (size, stride), (count, step) = mine, written
    places = {index * stride: index for index in reversed(range(size))}
    pairs = [
        (places[start + index * step], index)
        for index in range(count)
        if start + index * step in places
    ]
    return Overlap(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), source)


def _matching_dimensions(known: Value, written: Value) -> dict[int, int]:
    """The dimension of `written` that runs along each of `known`."""
    free = set(range(len(known.strides)))
    result: dict[int, int] = {}
    sizes = written.shape.dimensions
    # Dimensions of length 1 run along nothing; they take what the others leave.
    for source in sorted(range(len(sizes)), key=lambda dim: sizes[dim] == 1):
        fitting = _fitting(known, free, written.strides[source])
        if fitting is None and sizes[source] > 1:
            raise Untracked("a write through a view of other dimensions")
        if fitting is not None and (
            sizes[source] > 1 or known.strides[fitting] == written.strides[source]
        ):
            result[fitting] = source
            free.discard(fitting)
    return result


def _fitting(known: Value, free: set[int], step: int) -> int | None:
    """The dimension with the same stride, otherwise with the largest one that divides `step`."""
    strides, sizes = known.strides, known.shape.dimensions
    same = sorted((d for d in free if strides[d] == step), key=lambda d: -sizes[d])
    if same:
        return same[0]
    dividing = [
        d for d in free if strides[d] and (step % strides[d] == 0 or strides[d] % step == 0)
    ]
    below = sorted((d for d in dividing if strides[d] < step), key=lambda d: -strides[d])
    return next(iter(below or dividing), None)


HANDLERS: Mapping[str, Handler] = {"alias_write": alias_write}
