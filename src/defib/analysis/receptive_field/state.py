"""What a value depends on, along all axes of the input, and the steps from value to value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, final

import numpy as np

from defib.analysis.receptive_field.arithmetic import moved_lines
from defib.analysis.receptive_field.dependence import (
    Absent,
    Dependence,
    Form,
    Forms,
    Lost,
    Memo,
    Placed,
    Untracked,
    Whole,
    behind_taps,
    collapsed,
    lost,
    mapped_forms,
    merged_form,
    one_form,
    whole,
    without_axes,
)
from defib.analysis.receptive_field.position_sets import filled, reduced, union_of
from defib.analysis.receptive_field.progression import Taps

MOST_SETS = 1 << 20
"""Sets kept apart in one value; beyond, memory and time exceed those of the network itself."""
MOST_PAIRS = 1 << 16
"""Sets kept apart where two sequences meet pairwise (attention scores of 256 tokens)."""

Path = tuple[Placed, ...]  # one per axis of the input


@final
@dataclass(frozen=True)
class Seen:
    """What a value depends on.

    The field of one position is the union over `paths` of the product over the axes. One path
    is enough for the sizes per axis; several are kept apart where the set itself is asked for.
    """

    paths: tuple[Path, ...]
    is_box: bool = False
    """Positions of several axes were joined together: the product is a bound."""

    def mapped(self, change: Callable[[Placed], Placed]) -> Seen:
        return replace(self, paths=tuple(tuple(map(change, path)) for path in self.paths))


@final
@dataclass(frozen=True)
class Unknown:
    """Nothing is known about what a value depends on."""

    reason: str


def along_dim(
    memo: Memo,
    placed: Placed,
    dim: int,
    *,
    key: Any,
    change: Callable[[Dependence, int], Dependence],
) -> Placed:
    """`change` applied along one dimension of the value, if the dependence differs along it."""
    if dim not in placed.dims:
        return placed
    axis = placed.axis_of(dim)
    dependence = memo.once((placed.dependence, axis, key), lambda: change(placed.dependence, axis))
    return Placed(dependence, placed.dims)


def without_dims(memo: Memo, placed: Placed, dims: Sequence[int]) -> Placed:
    """Union over dimensions of the value, which stay but do not differ any more."""
    axes = tuple(axis for axis, dim in enumerate(placed.dims) if dim in dims)
    if placed.dependence.is_blurred and not placed.dims and dims:
        return Placed(memo.once((placed.dependence, "sharp"), lambda: _sharp(placed.dependence)))
    if not axes:
        return placed
    dependence = memo.once(
        (placed.dependence, "union", axes),
        lambda: collapsed(without_axes(placed.dependence, axes)),
    )
    if not dependence.sets.ndim:
        return Placed(dependence)
    return Placed(dependence, tuple(dim for dim in placed.dims if dim not in dims))


def _sharp(dependence: Dependence) -> Dependence:
    """What every position saw together, each one sees after a union: nothing is blurred."""
    is_whole = isinstance(dependence.form.closed, Whole)
    return replace(dependence, is_blurred=not is_whole)


def renumbered(placed: Placed, number: Callable[[int], int]) -> Placed:
    """The dependence with its dimensions at other places, whatever their order."""
    return reordered(placed.dependence, [number(dim) for dim in placed.dims])


def reordered(dependence: Dependence, dims: Sequence[int]) -> Placed:
    """Places a dependence whose dimensions may not be ascending."""
    order = sorted(range(len(dims)), key=lambda axis: dims[axis])
    return Placed(turned_around(dependence, order), tuple(sorted(dims)))


def turned_around(dependence: Dependence, order: Sequence[int]) -> Dependence:
    """The dependence with its dimensions in another order."""
    if list(order) == list(range(len(order))):
        return dependence
    return replace(
        dependence,
        sets=dependence.sets.transpose(order),
        forms=dependence.forms.transpose(order),
        along=list(order).index(dependence.along) if dependence.along >= 0 else -1,
    )


def picked(memo: Memo, placed: Placed, dim: int, indices: Sequence[int]) -> Placed:
    """The positions `indices` of a dimension, in that order."""
    if dim not in placed.dims:
        if placed.dependence.is_blurred:
            raise Untracked("a part of a value that is too large to follow")
        return placed
    if isinstance(indices, range) and indices == range(_size(placed, dim)):
        return placed
    key = ("picked", indices if isinstance(indices, range) else tuple(indices))
    return along_dim(memo, placed, dim, key=key, change=lambda d, a: _picked(d, a, indices))


def _size(placed: Placed, dim: int) -> int:
    return placed.dependence.sets.shape[placed.axis_of(dim)]


def _picked(dependence: Dependence, axis: int, indices: Sequence[int]) -> Dependence:
    places = np.asarray(indices, dtype=np.intp)
    sets, forms = dependence.sets.take(places, axis), dependence.forms
    if axis != dependence.along:
        if forms.shape[axis] > 1:
            forms = forms.take(places, axis)
        return replace(dependence, sets=sets, forms=forms)
    if not isinstance(indices, range):
        forms = mapped_forms(forms, lambda form: lost(form, "positions picked one by one"))
        return replace(dependence, sets=sets, forms=forms)
    taps = Taps(1, indices.step, lambda position: (indices.start + position * indices.step,))
    forms = mapped_forms(forms, lambda form: behind_taps(form, taps, moved_lines))
    return replace(dependence, sets=sets, forms=forms)


def selected(memo: Memo, placed: Placed, dim: int, index: int) -> Placed:
    """One position of a dimension, which disappears."""
    if dim in placed.dims:
        placed = along_dim(
            memo,
            placed,
            dim,
            key=("selected", index),
            change=lambda dependence, axis: _selected(dependence, axis, index),
        )
        placed = Placed(placed.dependence, tuple(each for each in placed.dims if each != dim))
    elif placed.dependence.is_blurred:
        raise Untracked("a part of a value that is too large to follow")
    return renumbered(placed, lambda each: each - (each > dim))


def _selected(dependence: Dependence, axis: int, index: int) -> Dependence:
    sets = dependence.sets.take([index], axis)
    sets = reduced(sets, (axis,))
    forms = dependence.forms
    forms = forms.take(index if forms.shape[axis] > 1 else 0, axis)
    if not isinstance(forms, np.ndarray):
        forms = one_form(forms, 0)
    along = dependence.along
    if along == axis or along < 0:
        forms = mapped_forms(forms, lambda form: lost(form, "one position taken out"))
        along = -1 if along == axis else along
    return replace(dependence, sets=sets, forms=forms, along=along - (along > axis))


def joined(memo: Memo, entries: Sequence[Placed], shape: Sequence[int]) -> Placed:
    """Union of what several operands depend on, broadcast to `shape`."""
    entries = [_broadcast(memo, entry, shape) for entry in entries]
    different = list(dict.fromkeys(entries))
    if len(different) == 1:
        return different[0]
    for entry in different:
        if not entry.dims and sees_everything(entry):
            return entry
    dims = tuple(sorted({dim for entry in different for dim in entry.dims}))
    sizes = tuple(shape[dim] for dim in dims)
    local = tuple(
        (entry.dependence, tuple(dims.index(dim) for dim in entry.dims)) for entry in different
    )
    dependence = memo.once(("joined", local, sizes), lambda: _joined(local, sizes))
    return Placed(dependence, dims if dependence.sets.ndim else ())


def sees_everything(placed: Placed) -> bool:
    """Whether no other branch can add to the field."""
    dependence = placed.dependence
    is_whole = isinstance(dependence.form.closed, Whole) and not dependence.is_blurred
    return is_whole and dependence.is_full


def _broadcast(memo: Memo, placed: Placed, shape: Sequence[int]) -> Placed:
    """Without the dimensions that have one position here and more in `shape`."""
    dims = [dim for dim in placed.dims if _size(placed, dim) == 1 and shape[dim] > 1]
    for dim in dims:
        number = placed.dims
        placed = along_dim(memo, placed, dim, key="spread", change=lambda d, a: _selected(d, a, 0))
        placed = Placed(placed.dependence, tuple(each for each in number if each != dim))
    return placed


def _joined(
    entries: Sequence[tuple[Dependence, tuple[int, ...]]], sizes: tuple[int, ...]
) -> Dependence:
    length = entries[0][0].length
    is_blurred = any(dependence.is_blurred for dependence, _ in entries)
    if prod(sizes) > MOST_PAIRS and all(len(dims) < len(sizes) for _, dims in entries):
        parts = [without_axes(each, range(each.sets.ndim)) for each, _ in entries]
        form = merged_form(part.form for part in parts)
        if all(part.is_full for part in parts):
            form = whole(form)
        return Dependence(
            union_of(part.sets for part in parts), one_form(form, 0), -1, length, is_blurred=True
        )
    sets = union_of(laid_out(each.sets, dims, len(sizes)) for each, dims in entries)
    alongs = {dims[each.along] for each, dims in entries if each.along >= 0}
    if len(alongs) > 1:
        reason = "positions of one axis meet along different dimensions"
        return Dependence(
            sets, one_form(Form(Lost(reason, is_split=True)), len(sizes)), -1, length, is_blurred
        )
    forms = merged_forms([laid_out(each.forms, dims, len(sizes)) for each, dims in entries])
    return Dependence(sets, forms, alongs.pop() if alongs else -1, length, is_blurred)


def laid_out(array: Any, dims: Sequence[int], rank: int) -> Any:
    """The array with its axes at `dims` of `rank` dimensions, 1 position along the others."""
    shape = [1] * rank
    for axis, dim in enumerate(dims):
        shape[dim] = array.shape[axis]
    return array.reshape(shape)


def merged_forms(parts: Sequence[Forms]) -> Forms:
    """Element by element, broadcast."""
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    spread = [np.broadcast_to(part, shape) for part in parts]
    known: dict[tuple[int, ...], Form] = {}
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        forms: list[Any] = [part[index] for part in spread]  # of Form: numpy cannot say so
        key = tuple(map(id, forms))
        if key not in known:
            known[key] = merged_form(forms)
        result[index] = known[key]
    return result


def spread(dependence: Dependence, places: Sequence[int], sizes: Sequence[int]) -> Dependence:
    """The same dependence with its axes at `places`, and the others written out to `sizes`."""
    rank = len(sizes)
    if dependence.sets.ndim == rank:
        return dependence
    if prod(sizes) > MOST_SETS:
        raise Untracked(f"more than {MOST_SETS} positions to keep apart")
    sets = np.broadcast_to(laid_out(dependence.sets, places, rank), sizes)
    forms = laid_out(dependence.forms, places, rank)
    along = places[dependence.along] if dependence.along >= 0 else -1
    return replace(dependence, sets=sets, forms=forms, along=along)


def nothing(length: int) -> Placed:
    """Of a value that does not depend on the input."""
    return Placed(Dependence(filled((), 0), one_form(Form(Absent()), 0), -1, length))
