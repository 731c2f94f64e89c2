"""Views: the same numbers under other dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np

from defib.analysis.receptive_field.applied import Applied, Handler, State, dimension
from defib.analysis.receptive_field.arithmetic import moved_lines
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Forms,
    Memo,
    Placed,
    behind_taps,
    one_form,
    split,
    whole,
    without_axes,
)
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.state import (
    MOST_SETS,
    Path,
    Seen,
    renumbered,
    reordered,
    spread,
    turned_around,
    without_dims,
)


@final
@dataclass(frozen=True)
class Group:
    """Dimensions of the old shape that together become dimensions of the new one."""

    old: tuple[int, ...]
    new: tuple[int, ...]


def groups_of(old: Sequence[int], new: Sequence[int]) -> list[Group]:
    """The smallest groups of dimensions longer than 1 with equal products."""
    left = [dim for dim, size in enumerate(old) if size != 1]
    right = [dim for dim, size in enumerate(new) if size != 1]
    groups: list[Group] = []
    while left and right:
        taken, given = [left.pop(0)], [right.pop(0)]
        while (a := prod(old[d] for d in taken)) != (b := prod(new[d] for d in given)):
            if a < b:
                taken.append(left.pop(0))
            else:
                given.append(right.pop(0))
        groups.append(Group(tuple(taken), tuple(given)))
    return groups


def reshaped(memo: Memo, seen: Seen, old: Sequence[int], new: Sequence[int]) -> Seen:
    """The same elements in row-major order under another shape."""
    if tuple(old) == tuple(new) or 0 in old:
        return seen
    layout = Layout(tuple(old), tuple(new))
    paths = tuple(
        tuple(_reshaped(memo, placed, _dims_of_others(path, placed), layout) for placed in path)
        for path in seen.paths
    )
    return replace(seen, paths=paths)


def _dims_of_others(path: Path, placed: Placed) -> frozenset[int]:
    return frozenset(dim for each in path if each is not placed for dim in each.dims)


@final
@dataclass(frozen=True)
class Layout:
    """The shapes before and after."""

    old: tuple[int, ...]
    new: tuple[int, ...]

    def is_flattening(self, group: Group, tracked: frozenset[int]) -> bool:
        """Whether channels and positions become features: one vector per example."""
        if len(group.new) != 1 or (group.old[0] == 0):
            return False
        everything = prod(self.old[dim] for dim in group.old) == prod(self.old[1:])
        is_vector = everything and len(self.new) <= 2 and group.new[0] == len(self.new) - 1
        return is_vector or group.old[0] not in tracked

    def places_of_ones(self) -> dict[int, int]:
        """Where dimensions of length 1 go: to one between the same neighbours, if any."""
        free = [dim for dim, size in enumerate(self.new) if size == 1]
        places: dict[int, int] = {}
        for dim, size in enumerate(self.old):
            before = prod(self.old[:dim])
            match = next((each for each in free if prod(self.new[:each]) == before), None)
            if size == 1 and match is not None:
                places[dim] = match
                free.remove(match)
        return places


def _reshaped(memo: Memo, placed: Placed, others: frozenset[int], layout: Layout) -> Placed:
    places = layout.places_of_ones()
    vanishing = [d for d in placed.dims if layout.old[d] == 1 and d not in places]
    placed = without_dims(memo, placed, vanishing)
    # Dimensions of the new shape are written as ~dim until all are placed.
    dependence, labels = placed.dependence, list(placed.dims)
    for group in groups_of(layout.old, layout.new):
        if not any(label in group.old for label in labels):
            continue
        if len(group.old) == 1 and len(group.new) == 1:
            places[group.old[0]] = group.new[0]
        else:
            regrouping = Regrouping(group, layout, tuple(labels), others)
            dependence, labels = regrouping.of(memo, dependence)
    dims = [~label if label < 0 else places[label] for label in labels]
    return reordered(dependence, dims)


@final
@dataclass(frozen=True)
class Regrouping:
    """Lays the dimensions of a group out anew; `labels` are those of the dependence."""

    group: Group
    layout: Layout
    labels: tuple[int, ...]
    others: frozenset[int]
    """Dimensions along which other axes of the input differ."""

    @property
    def tracked(self) -> tuple[int, ...]:
        return tuple(dim for dim in self.group.old if dim in self.labels)

    @property
    def kept(self) -> list[int]:
        return [label for label in self.labels if label not in self.group.old]

    @property
    def old_sizes(self) -> tuple[int, ...]:
        return tuple(self.layout.old[dim] for dim in self.group.old)

    @property
    def new_sizes(self) -> tuple[int, ...]:
        return tuple(self.layout.new[dim] for dim in self.group.new)

    def of(self, memo: Memo, source: Dependence) -> tuple[Dependence, list[int]]:
        """The dependence laid out, and the labels of its dimensions."""
        undone = memo.folded.get((source, self.old_sizes, self.new_sizes))
        if undone is not None:
            before, places = undone
            return before, [~self.group.new[place] for place in places]
        result = memo.once((source, self), lambda: self._lay_out(source))
        if result.sets.ndim == len(self.kept):
            return result, self.kept
        if not self.kept:
            places = tuple(self.group.old.index(dim) for dim in self.tracked)
            memo.folded[(result, self.new_sizes, self.old_sizes)] = (source, places)
        return result, [*self.kept, *(~dim for dim in self.group.new)]

    def _lay_out(self, source: Dependence) -> Dependence:
        kept = [axis for axis, label in enumerate(self.labels) if label in self.kept]
        tracked = [self.labels.index(dim) for dim in self.tracked]
        sizes = [source.sets.shape[axis] for axis in kept]
        if prod(sizes) * prod(self.old_sizes) > MOST_SETS:
            return replace(without_axes(source, tracked), is_blurred=True)
        turned = turned_around(source, [*kept, *tracked])
        places = [*range(len(kept)), *(len(kept) + self.group.old.index(d) for d in self.tracked)]
        full = spread(turned, places, (*sizes, *self.old_sizes))
        sets = full.sets.reshape(*sizes, *self.new_sizes)
        forms, along = self._forms(full, len(kept))
        return replace(full, sets=sets, forms=forms, along=along)

    def _forms(self, full: Dependence, first: int) -> tuple[Forms, int]:
        rank = first + len(self.group.new)
        if 0 <= full.along < first:
            # Channels are laid out anew, the axis itself stays.
            return self._forms_of_channels(full, first), full.along
        merges = len(self.group.new) == 1
        if merges and self.tracked == self.group.old[:1] and not self._is_shared:
            repeats = prod(self.old_sizes[1:])
            taps = Taps(repeats, 1, lambda position: (position // repeats,))
            return one_form(behind_taps(full.form, taps, moved_lines), rank), first
        if self.layout.is_flattening(self.group, self.others | {*self.tracked}):
            return one_form(whole(full.form), rank), -1
        return one_form(split(full.form, "the axis was laid out anew"), rank), -1

    @property
    def _is_shared(self) -> bool:
        return bool(self.others & set(self.group.old))

    def _forms_of_channels(self, full: Dependence, first: int) -> Forms:
        shape = full.forms.shape[:first]
        if full.forms.shape[first:] == (1,) * len(self.group.old):
            return full.forms.reshape(*shape, *(1,) * len(self.group.new))
        spread_forms = np.broadcast_to(full.forms, (*shape, *self.old_sizes))
        return spread_forms.reshape(*shape, *self.new_sizes)


def view(applied: Applied) -> State:
    """Any view that keeps the order of elements."""
    return reshaped(applied.memo, applied.first, applied.shape, applied.result_shape)


def permutation(order_of: Callable[[Applied], Sequence[int]]) -> Handler:
    """Dimension `order[i]` of the argument becomes dimension i."""

    def permute(applied: Applied) -> State:
        rank = len(applied.shape)
        order = [dimension(dim, rank) for dim in order_of(applied)]
        return applied.mapped(lambda placed: renumbered(placed, order.index))

    return permute


def _swapped(applied: Applied) -> Sequence[int]:
    rank = len(applied.shape)
    order = list(range(rank))
    if rank < 2:
        return order
    a, b = (dimension(applied.argument(place, "", place - 1), rank) for place in (1, 2))
    order[a], order[b] = order[b], order[a]
    return order


def unsqueeze(applied: Applied) -> State:
    """A new dimension of length 1."""
    dim = dimension(applied.argument(1, "dim"), len(applied.result_shape))
    return applied.mapped(lambda placed: renumbered(placed, lambda each: each + (each >= dim)))


def squeeze(applied: Applied) -> State:
    """Without dimensions of length 1: all, one or several."""
    shape = applied.shape
    given = applied.argument(1, "dim", range(len(shape)))
    given = [given] if isinstance(given, int) else given
    dims = sorted({dimension(dim, len(shape)) for dim in given}, reverse=True)
    seen = applied.first
    for dim in dims:
        if shape[dim] == 1:
            seen = seen.mapped(lambda placed, dim=dim: without_one(applied.memo, placed, dim))
    return seen


def without_one(memo: Memo, placed: Placed, dim: int) -> Placed:
    """Without a dimension of length 1; the closed form stays."""
    if dim in placed.dims:
        axis = placed.axis_of(dim)
        source = placed.dependence
        dependence = memo.once((source, "squeezed", axis), lambda: _squeezed(source, axis))
        placed = Placed(dependence, tuple(each for each in placed.dims if each != dim))
    return renumbered(placed, lambda each: each - (each > dim))


def _squeezed(source: Dependence, axis: int) -> Dependence:
    along = -1 if source.along == axis else source.along - (source.along > axis)
    return replace(
        source, sets=source.sets.squeeze(axis), forms=source.forms.squeeze(axis), along=along
    )


VIEWS = ["view", "_unsafe_view", "reshape", "_reshape_alias", "flatten", "unflatten"]

HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(VIEWS, view),
    "permute": permutation(lambda applied: applied.argument(1, "dims")),
    "transpose": permutation(_swapped),
    "t": permutation(lambda applied: tuple(reversed(range(len(applied.shape))))),
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
}
