"""Arrays of sets of input positions: each set one Python integer, bit i for position i.

The bit above the last position, the border mark, says that padding was read on the way: such
a field is cut off, and says nothing about the size of fields in the interior.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PositionSets = NDArray[Any]  # of Python integers


def singletons(length: int) -> PositionSets:
    """Each position sees itself."""
    return array_of([1 << position for position in range(length)])


def array_of(sets: Sequence[int]) -> PositionSets:
    """One-dimensional array of the given sets."""
    result = np.empty(len(sets), dtype=object)
    result[:] = sets
    return result


def single(content: Any) -> PositionSets:
    """Array without dimensions: the same for all positions."""
    result = np.empty((), dtype=object)
    result[()] = content
    return result


def filled(shape: Sequence[int], content: int) -> PositionSets:
    """All positions see `content`."""
    return np.full(tuple(shape), content, dtype=object)


def union_of(parts: Iterable[PositionSets]) -> PositionSets:
    """Element by element, broadcast."""
    result: Any = None
    for part in parts:
        result = part if result is None else np.bitwise_or(result, part)
    return result if isinstance(result, np.ndarray) else single(result)


def reduced(sets: PositionSets, axes: Sequence[int]) -> PositionSets:
    """Union over the given axes, which disappear."""
    for axis in sorted(axes, reverse=True):
        sets = np.bitwise_or.reduce(sets, axis=axis)
        if not isinstance(sets, np.ndarray):
            sets = single(sets)
    return sets


def windowed(
    sets: PositionSets,
    axis: int,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    count: int,
    border: int,
) -> PositionSets:
    """Output o is the union of the inputs o*stride - padding + i*dilation, i < kernel."""
    last = (count - 1) * stride - padding + (kernel - 1) * dilation
    before, after = max(padding, 0), max(last - sets.shape[axis] + 1, 0)
    padded = _with_borders(np.moveaxis(sets, axis, 0), before, after, border)
    first = before - padding
    taps = (
        padded[first + i * dilation : first + i * dilation + (count - 1) * stride + 1 : stride]
        for i in range(kernel)
    )
    return np.moveaxis(union_of(taps), 0, axis)


def scattered(
    sets: PositionSets,
    axis: int,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    count: int,
    border: int,
) -> PositionSets:
    """Input q adds its set to the outputs q*stride - padding + i*dilation, i < kernel."""
    reach = -(-((kernel - 1) * dilation + 1) // stride)
    moved = _with_borders(np.moveaxis(sets, axis, 0), reach, reach, border)
    span = (kernel - 1) * dilation
    room = max((len(moved) - 1) * stride + span + 1, padding + reach * stride + count)
    result = filled((room, *moved.shape[1:]), 0)
    for i in range(kernel):
        target = slice(i * dilation, i * dilation + (len(moved) - 1) * stride + 1, stride)
        result[target] |= moved
    first = padding + reach * stride
    return np.moveaxis(result[first : first + count], 0, axis)


def gathered(
    sets: PositionSets,
    axis: int,
    *,
    taps: Callable[[int], Sequence[int]],
    count: int,
    border: int,
    fold: Callable[[int], int] | None = None,
) -> PositionSets:
    """Output o is the union of the inputs `taps(o)`.

    An input outside of the axis is the border mark, and what `fold` makes of it if given
    (the edge that is repeated, the mirror image).
    """
    moved = np.moveaxis(sets, axis, 0)
    inside = range(len(moved))
    result = filled((count, *moved.shape[1:]), 0)
    for position in range(count):
        for tap in taps(position):
            if tap in inside:
                result[position] |= moved[tap]
            else:
                result[position] |= border if fold is None else moved[fold(tap)] | border
    return np.moveaxis(result, 0, axis)


def _with_borders(sets: PositionSets, before: int, after: int, border: int) -> PositionSets:
    if not before and not after:
        return sets
    rest = sets.shape[1:]
    parts = (filled((before, *rest), border), sets, filled((after, *rest), border))
    return np.concatenate(parts)
