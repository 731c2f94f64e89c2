"""Crops, paddings, flips, joins: operations that move positions about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from defib.analysis.receptive_field.applied import Applied, Handler, State, dimension
from defib.analysis.receptive_field.arithmetic import moved_lines
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Untracked,
    behind_taps,
    mapped_forms,
)
from defib.analysis.receptive_field.position_sets import gathered
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.reshaping import reshaped
from defib.analysis.receptive_field.state import (
    Seen,
    along_dim,
    picked,
    renumbered,
    selected,
)
from defib.analysis.trace import Value


def _picked(applied: Applied, seen: Seen, dim: int, indices: Sequence[int]) -> Seen:
    return seen.mapped(lambda placed: picked(applied.memo, placed, dim, indices))


def crop(applied: Applied) -> State:
    """`slice`: start, end and step as Python counts them."""
    dim = dimension(applied.argument(1, "dim", 0), len(applied.shape))
    bounds = slice(*(applied.argument(place, "") for place in (2, 3, 4)))
    size = applied.shape[dim]
    return _picked(applied, applied.first, dim, range(size)[bounds])


def selection(applied: Applied) -> State:
    """One position of a dimension."""
    dim = dimension(applied.argument(1, "dim"), len(applied.shape))
    index = dimension(applied.argument(2, "index"), applied.shape[dim])
    return applied.mapped(lambda placed: selected(applied.memo, placed, dim, index))


def parts(applied: Applied) -> tuple[State, ...]:
    """Pieces of a dimension, as long as the results are."""
    dim = dimension(applied.argument(2, "dim", 0), len(applied.shape))
    results: list[State] = []
    start = 0
    for output in applied.operation.outputs:
        stop = start + output.shape.dimensions[dim]
        results.append(_picked(applied, applied.first, dim, range(start, stop)))
        start = stop
    return tuple(results)


def positions(applied: Applied) -> tuple[State, ...]:
    """`unbind`: every position of a dimension for itself."""
    dim = dimension(applied.argument(1, "dim", 0), len(applied.shape))
    first = applied.first
    return tuple(
        first.mapped(lambda placed, index=index: selected(applied.memo, placed, dim, index))
        for index in range(applied.shape[dim])
    )


def flip(applied: Applied) -> State:
    seen = applied.first
    for each in applied.argument(1, "dims"):
        dim = dimension(each, len(applied.shape))
        seen = _picked(applied, seen, dim, range(applied.shape[dim] - 1, -1, -1))
    return seen


def roll(applied: Applied) -> State:
    """Positions leave at one end and come in at the other."""
    shifts, dims = applied.argument(1, "shifts"), applied.argument(2, "dims", [])
    if not dims:
        raise Untracked("`roll` of a flattened tensor")
    seen = applied.first
    for shift, each in zip(shifts, dims, strict=True):
        dim = dimension(each, len(applied.shape))
        size = applied.shape[dim]
        seen = _moved(applied, seen, dim, (-shift, size, lambda tap, size=size: tap % size))
    return seen


def _moved(applied: Applied, seen: Seen, dim: int, how: tuple[int, int, Any]) -> Seen:
    """Position o of `count` reads `o + start`; `fold` says what stands outside."""
    start, count, fold = how
    key = ("moved", applied.name, start, count)
    change = partial(_move, start, count, fold)
    return seen.mapped(lambda placed: along_dim(applied.memo, placed, dim, key=key, change=change))


def _move(
    start: int, count: int, fold: Callable[[int], int] | None, dependence: Dependence, axis: int
) -> Dependence:
    taps = Taps(1, 1, lambda position: (position + start,))
    is_along = axis == dependence.along
    border = dependence.border if is_along else 0
    sets = gathered(dependence.sets, axis, taps=taps.at, count=count, border=border, fold=fold)
    forms = dependence.forms
    if is_along:
        forms = mapped_forms(forms, lambda form: behind_taps(form, taps, moved_lines))
    elif forms.shape[axis] > 1:
        # Padded channels depend on nothing; the form of their neighbours bounds them.
        places = np.clip(np.arange(count) + start, 0, forms.shape[axis] - 1)
        forms = forms.take(places, axis)
    return replace(dependence, sets=sets, forms=forms)


def padding(applied: Applied) -> State:
    """Zeros, edges or mirror images around the last dimensions; negative amounts crop."""
    amounts = applied.argument(1, "pad")
    seen, rank = applied.first, len(applied.shape)
    for place in range(len(amounts) // 2):
        dim = rank - 1 - place
        size, before = applied.shape[dim], amounts[2 * place]
        if not before and not amounts[2 * place + 1]:
            continue
        fold = _fold(applied.name, size)
        seen = _moved(applied, seen, dim, (-before, applied.result_shape[dim], fold))
    return seen


def _fold(name: str, size: int) -> Callable[[int], int] | None:
    if name.startswith("reflection"):
        return lambda tap: -tap if tap < 0 else 2 * (size - 1) - tap
    if name.startswith("replication"):
        return lambda tap: min(max(tap, 0), size - 1)
    return None


def expansion(applied: Applied) -> State:
    """Dimensions of length 1 repeated, new ones in front."""
    shift = len(applied.result_shape) - len(applied.shape)
    seen = applied.mapped(lambda placed: renumbered(placed, lambda dim: dim + shift))
    return applied.added([seen], applied.result_shape)


def repetition(applied: Applied) -> State:
    """`repeat`: copies one behind the other."""
    repeats = applied.argument(1, "repeats")
    rank = len(repeats)
    shift = rank - len(applied.shape)
    shape = [1] * shift + list(applied.shape)
    seen = applied.mapped(lambda placed: renumbered(placed, lambda dim: dim + shift))
    for dim, count in enumerate(repeats):
        if count > 1 and shape[dim] > 1:
            copies = tuple(range(shape[dim])) * count
            seen = _picked(applied, seen, dim, copies)
        shape[dim] *= count
    return applied.added([seen], shape)


def concatenation(applied: Applied) -> State:
    values = _pieces(applied)
    dim = dimension(applied.argument(1, "dim", 0), len(applied.result_shape))
    sizes = [value.shape.dimensions[dim] for value in values]
    operands = [applied.state(value) for value in values]
    return applied.merging.concatenated(applied.memo, operands, sizes, dim)


def _pieces(applied: Applied) -> list[Value]:
    # A tensor with nothing in it may have any shape and is left out.
    return [value for value in applied.operation.arguments[0] if value.shape.count]


def stack(applied: Applied) -> State:
    """A concatenation along a new dimension."""
    values = applied.operation.arguments[0]
    dim = dimension(applied.argument(1, "dim", 0), len(applied.result_shape))
    operands: list[Seen | None] = []
    for value in values:
        seen = applied.state(value)
        if seen is not None:
            seen = seen.mapped(lambda p: renumbered(p, lambda each: each + (each >= dim)))
        operands.append(seen)
    return applied.merging.concatenated(applied.memo, operands, [1] * len(values), dim)


def indexing(applied: Applied) -> State:
    """A tensor of positions along one dimension, its numbers known."""
    indices = applied.argument(1, "indices")
    given = [(dim, index) for dim, index in enumerate(indices) if index is not None]
    if len(given) > 1 or len(given[0][1].shape.dimensions) != 1:
        raise Untracked("`index` by several tensors or by one of several dimensions")
    [(dim, index)] = given
    if applied.state(index) is not None:
        raise Untracked("`index` by positions computed from the input")
    if index.shape.element_type == "bool":
        raise Untracked("`index` by a mask")
    return _picked_by(applied, dim, index)


def index_selection(applied: Applied) -> State:
    dim = dimension(applied.argument(1, "dim"), len(applied.shape))
    index = applied.argument(2, "index")
    if applied.state(index) is not None:
        raise Untracked("`index_select` by positions computed from the input")
    return _picked_by(applied, dim, index)


def _picked_by(applied: Applied, dim: int, index: Value) -> Seen:
    seen = applied.first
    if all(dim not in placed.dims for path in seen.paths for placed in path):
        return seen
    return _picked(applied, seen, dim, _numbers(applied, index, applied.shape[dim]))


def _numbers(applied: Applied, index: Value, size: int) -> Sequence[int]:
    tensor = applied.trace.constants.get(index.index)
    if tensor is not None and tensor.dtype != torch.bool and tensor.ndim == 1:
        return tuple(dimension(each, size) for each in tensor.tolist())
    lists = _written_lists(applied)
    if len(lists) == 1 and [len(lists[0])] == list(index.shape.dimensions):
        return tuple(dimension(each, size) for each in lists[0])
    raise Untracked("`index` by positions whose numbers are not known without running")


def _written_lists(applied: Applied) -> list[list[int]]:
    """Lists of positions in the brackets, as the code wrote them: `x[..., [2, 0, 1]]`."""
    call = applied.operation.function
    function = applied.trace.functions[call] if call >= 0 else None
    if function is None or function.name != "__getitem__":
        return []
    brackets = function.arguments[1]
    brackets = brackets if isinstance(brackets, tuple) else (brackets,)
    lists = [each for each in brackets if isinstance(each, list)]
    return [each for each in lists if all(type(number) is int for number in each)]


def unfolding(applied: Applied) -> State:
    """`unfold`: overlapping pieces, the positions in a piece along a new last dimension."""
    rank = len(applied.shape)
    dim = dimension(applied.argument(1, "dimension"), rank)
    size, step = applied.argument(2, "size"), applied.argument(3, "step")
    count = applied.result_shape[dim]
    places = tuple(o * step + i for o in range(count) for i in range(size))
    seen = _picked(applied, applied.first, dim, places)
    flat = [*applied.shape[:dim], count * size, *applied.shape[dim + 1 :]]
    apart = [*applied.shape[:dim], count, size, *applied.shape[dim + 1 :]]
    seen = reshaped(applied.memo, seen, flat, apart)
    order = [each for each in range(rank + 1) if each != dim + 1] + [dim + 1]
    return seen.mapped(lambda placed: renumbered(placed, order.index))


def embedding(applied: Applied) -> State:
    """Rows of a table: features are a new last dimension."""
    table, ids = applied.operation.arguments[:2]
    if applied.state(table) is not None:
        raise Untracked("`embedding` in a table computed from the input")
    return applied.state(ids)


def gated_halves(applied: Applied) -> State:
    """`glu`: the first half of a dimension times the sigmoid of the second."""
    dim = dimension(applied.argument(1, "dim", -1), len(applied.shape))
    half = applied.shape[dim] // 2
    halves = [
        _picked(applied, applied.first, dim, range(start, start + half)) for start in (0, half)
    ]
    return applied.added(halves, applied.result_shape)


HANDLERS: Mapping[str, Handler] = {
    "slice": crop,
    "select": selection,
    **dict.fromkeys(
        ("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk"), parts
    ),
    "unbind": positions,
    "flip": flip,
    "roll": roll,
    "constant_pad_nd": padding,
    **dict.fromkeys([f"reflection_pad{rank}d" for rank in (1, 2, 3)], padding),
    **dict.fromkeys([f"replication_pad{rank}d" for rank in (1, 2, 3)], padding),
    "expand": expansion,
    "repeat": repetition,
    "cat": concatenation,
    "stack": stack,
    "index": indexing,
    "index_select": index_selection,
    "unfold": unfolding,
    "embedding": embedding,
    "glu": gated_halves,
}
