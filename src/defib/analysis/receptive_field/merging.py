"""Two ways in which branches meet: united per axis, or kept apart as paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np

from defib.analysis.receptive_field.arithmetic import moved_lines
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Forms,
    Memo,
    Placed,
    Untracked,
    behind_taps,
    lost,
    mapped_forms,
    merged_form,
    one_form,
)
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.state import (
    MOST_SETS,
    Path,
    Seen,
    joined,
    nothing,
    sees_everything,
    spread,
)

MOST_PATHS = 64
"""Paths kept apart in one value; two branches per block, merged again, stay far below."""


@final
@dataclass(frozen=True)
class Merging:
    """What happens to the paths of several operands."""

    added: Callable[[Memo, Sequence[Seen], Sequence[int]], Seen]
    """Operands broadcast to one shape."""
    concatenated: Callable[[Memo, Sequence[Seen | None], Sequence[int], int], Seen]
    """Operands of the given sizes one behind the other along a dimension."""


def _added_united(memo: Memo, operands: Sequence[Seen], shape: Sequence[int]) -> Seen:
    paths = [path for seen in operands for path in seen.paths]
    axes = zip(*paths, strict=True)
    return Seen((tuple(joined(memo, entries, shape) for entries in axes),))


def _added_apart(memo: Memo, operands: Sequence[Seen], shape: Sequence[int]) -> Seen:
    paths = [path for seen in operands for path in seen.paths]
    placed = [tuple(joined(memo, [each], shape) for each in path) for path in paths]
    different = tuple(dict.fromkeys(placed))
    for path in different:
        if all(not each.dims and sees_everything(each) for each in path):
            return Seen((path,))
    is_box = any(seen.is_box for seen in operands)
    if len(different) > MOST_PATHS:
        return replace(_added_united(memo, operands, shape), is_box=True)
    return Seen(different, is_box)


def _concatenated_united(
    memo: Memo, operands: Sequence[Seen | None], sizes: Sequence[int], dim: int
) -> Seen:
    lengths = next(_lengths(seen) for seen in operands if seen is not None)
    columns = []
    for axis, length in enumerate(lengths):
        entries = [nothing(length) if seen is None else seen.paths[0][axis] for seen in operands]
        columns.append(_concatenation(memo, entries, sizes, dim))
    return Seen((tuple(columns),))


def _concatenated_apart(
    memo: Memo, operands: Sequence[Seen | None], sizes: Sequence[int], dim: int
) -> Seen:
    lengths = next(_lengths(seen) for seen in operands if seen is not None)
    paths: list[Path] = []
    for number, seen in enumerate(operands):
        for path in () if seen is None else seen.paths:
            entries = [[nothing(length)] * len(operands) for length in lengths]
            for column, placed in zip(entries, path, strict=True):
                column[number] = placed
            paths.append(tuple(_concatenation(memo, each, sizes, dim) for each in entries))
    is_box = any(seen is not None and seen.is_box for seen in operands)
    if len(paths) > MOST_PATHS:
        return replace(_concatenated_united(memo, operands, sizes, dim), is_box=True)
    return Seen(tuple(dict.fromkeys(paths)), is_box)


def _lengths(seen: Seen) -> list[int]:
    return [placed.dependence.length for placed in seen.paths[0]]


UNITED = Merging(_added_united, _concatenated_united)
"""One path: sizes per axis are exact, the set of a position is their product."""

KEPT_APART = Merging(_added_apart, _concatenated_apart)
"""One path per product: sets are exact also where they are crosses (1 x 3 beside 3 x 1)."""


def _concatenation(memo: Memo, entries: Sequence[Placed], sizes: Sequence[int], dim: int) -> Placed:
    if len(set(entries)) == 1 and dim not in entries[0].dims:
        return entries[0]
    dims = tuple(sorted({dim, *(each for entry in entries for each in entry.dims)}))
    extents = tuple(_extent(entries, each) for each in dims)
    local = tuple(
        (entry.dependence, tuple(dims.index(each) for each in entry.dims)) for entry in entries
    )
    axis = dims.index(dim)
    total = prod((*extents[:axis], sum(sizes), *extents[axis + 1 :]))
    if total > MOST_SETS:
        return _blurred(memo, entries, sizes, dim)
    key = ("concatenated", local, tuple(sizes), extents, axis)
    return Placed(memo.once(key, lambda: _concatenate(local, sizes, extents, axis)), dims)


def _extent(entries: Sequence[Placed], dim: int) -> int:
    for entry in entries:
        if dim in entry.dims:
            return entry.dependence.sets.shape[entry.axis_of(dim)]
    return 1


def _blurred(memo: Memo, entries: Sequence[Placed], sizes: Sequence[int], dim: int) -> Placed:
    if any(dim in entry.dims for entry in entries):
        raise Untracked(f"a concatenation of more than {MOST_SETS} positions")
    extents = {each: _extent(entries, each) for entry in entries for each in entry.dims}
    shape = [extents.get(each, 1) for each in range(max([*extents, dim]) + 1)]
    shape[dim] = sum(sizes)
    placed = joined(memo, entries, shape)
    return Placed(replace(placed.dependence, is_blurred=True), placed.dims)


def _concatenate(
    entries: Sequence[tuple[Dependence, tuple[int, ...]]],
    sizes: Sequence[int],
    extents: tuple[int, ...],
    axis: int,
) -> Dependence:
    shapes = [(*extents[:axis], size, *extents[axis + 1 :]) for size in sizes]
    parts = [
        spread(dependence, places, shape)
        for (dependence, places), shape in zip(entries, shapes, strict=True)
    ]
    alongs = {part.along for part in parts if part.along >= 0}
    sets = np.concatenate([part.sets for part in parts], axis)
    if alongs == {axis}:
        return _behind_each_other(parts, sets, axis)
    if len(alongs) > 1:
        raise Untracked("a concatenation of values whose axes lie along different dimensions")
    blurred = any(part.is_blurred for part in parts)
    along = alongs.pop() if alongs else -1
    return Dependence(sets, _forms_of(parts, shapes, axis), along, parts[0].length, blurred)


def _forms_of(parts: Sequence[Dependence], shapes: Sequence[Sequence[int]], axis: int) -> Forms:
    if len({id(part.forms) for part in parts}) == 1 and parts[0].forms.shape[axis] == 1:
        return parts[0].forms
    rest = np.broadcast_shapes(*(_set(part.forms.shape, axis, 1) for part in parts))
    return np.concatenate(
        [
            np.broadcast_to(part.forms, _set(rest, axis, shape[axis]))
            for part, shape in zip(parts, shapes, strict=True)
        ],
        axis,
    )


def _set(shape: Sequence[int], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _behind_each_other(parts: Sequence[Dependence], sets: np.ndarray, axis: int) -> Dependence:
    """Joined along the axis itself: a padding if only one part depends on the input."""
    filled = [part for part in parts if part.along >= 0 or part.sets.any()]
    if len(filled) > 1:
        reason = "pieces joined along the axis"
        form = lost(merged_form(part.form for part in filled), reason)
        return Dependence(sets, one_form(form, sets.ndim), axis, parts[0].length)
    start = sum(part.sets.shape[axis] for part in parts[: parts.index(filled[0])])
    taps = Taps(1, 1, lambda position: (position - start,))
    forms = mapped_forms(filled[0].forms, lambda form: behind_taps(form, taps, moved_lines))
    inside = np.arange(sets.shape[axis])
    outside = (inside < start) | (inside >= start + filled[0].sets.shape[axis])
    padded = np.moveaxis(sets.copy(), axis, 0)
    padded[outside] = filled[0].border
    return Dependence(np.moveaxis(padded, 0, axis), forms, axis, filled[0].length)


def mixes(seen: Seen, dims: Sequence[int]) -> bool:
    """Whether a union over `dims` joins positions of which several axes differ."""
    return any(_differing(path, dim) > 1 for path in seen.paths for dim in dims)


def _differing(path: Path, dim: int) -> int:
    return sum(dim in placed.dims and _differs(placed, dim) for placed in path)


def _differs(placed: Placed, dim: int) -> bool:
    rows = np.moveaxis(placed.dependence.sets, placed.axis_of(dim), 0).reshape(
        _extent([placed], dim), -1
    )
    return any(len({each for each in column if each}) > 1 for column in rows.T)
