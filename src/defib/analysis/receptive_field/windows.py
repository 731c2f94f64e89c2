"""Convolutions, transposed convolutions, pooling: operations that read a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np

from defib.analysis.receptive_field.applied import Applied, Handler, State
from defib.analysis.receptive_field.arithmetic import (
    resampling_lines,
    transposed_lines,
    window_lines,
)
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Memo,
    Placed,
    Untracked,
    behind_taps,
    mapped_forms,
    merged_form,
    without_axes,
)
from defib.analysis.receptive_field.position_sets import gathered, scattered, windowed
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.resampling import adaptive_taps
from defib.analysis.receptive_field.state import Seen, along_dim, without_dims


@final
@dataclass(frozen=True)
class Window:
    """A window along one dimension, `count` times."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    count: int

    @property
    def taps(self) -> Taps:
        return Taps(1, self.stride, self._read)

    def _read(self, position: int) -> Sequence[int]:
        first = position * self.stride - self.padding
        return range(first, first + self.kernel * self.dilation, self.dilation)

    @property
    def transposed_taps(self) -> Taps:
        return Taps(self.stride, 1, self._read_transposed)

    def _read_transposed(self, position: int) -> Sequence[int]:
        starts = (position + self.padding - i * self.dilation for i in range(self.kernel))
        return [start // self.stride for start in starts if start % self.stride == 0]


def _read(dependence: Dependence, axis: int, window: Window) -> Dependence:
    sets = windowed(
        dependence.sets,
        axis,
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        dilation=window.dilation,
        count=window.count,
        border=dependence.border if axis == dependence.along else 0,
    )
    if axis != dependence.along:
        return _across(dependence, sets, axis, window.taps, window.count)
    lines = partial(
        window_lines,
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        dilation=window.dilation,
    )
    forms = mapped_forms(dependence.forms, lambda form: behind_taps(form, window.taps, lines))
    return replace(dependence, sets=sets, forms=forms)


def _across(dependence: Dependence, sets: Any, axis: int, taps: Taps, count: int) -> Dependence:
    """Forms behind a window over another dimension, such as channels."""
    if dependence.forms.shape[axis] == 1:
        return replace(dependence, sets=sets)
    rows = np.moveaxis(dependence.forms, axis, 0)
    result = np.empty((count, *rows.shape[1:]), dtype=object)
    for index in np.ndindex(*result.shape):
        inside = [tap for tap in taps.at(index[0]) if 0 <= tap < len(rows)]
        result[index] = merged_form(rows[(tap, *index[1:])] for tap in inside)
    return replace(dependence, sets=sets, forms=np.moveaxis(result, 0, axis))


def _read_transposed(dependence: Dependence, axis: int, window: Window) -> Dependence:
    sets = scattered(
        dependence.sets,
        axis,
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        dilation=window.dilation,
        count=window.count,
        border=dependence.border,
    )
    if axis != dependence.along:
        return _across(dependence, sets, axis, window.transposed_taps, window.count)
    lines = partial(
        transposed_lines, kernel=window.kernel, stride=window.stride, dilation=window.dilation
    )
    forms = mapped_forms(
        dependence.forms, lambda form: behind_taps(form, window.transposed_taps, lines)
    )
    return replace(dependence, sets=sets, forms=forms)


def convolution(applied: Applied) -> State:
    """Window along each spatial dimension, union over the channels of a group."""
    weight = applied.argument(1, "weight")
    if applied.state(weight) is not None:
        raise Untracked("`convolution` with weights computed from the input")
    kernels = weight.shape.dimensions[2:]
    stride, padding, dilation = (
        _spread(applied.argument(place, ""), len(kernels)) for place in (3, 4, 5)
    )
    counts = applied.result_shape[2:]
    windows = [
        Window(*each) for each in zip(kernels, stride, padding, dilation, counts, strict=True)
    ]
    seen = channels_mixed(applied, applied.first, applied.argument(8, "groups", 1))
    is_transposed = applied.argument(6, "transposed", False)
    return through_windows(applied, seen, windows, _read_transposed if is_transposed else _read)


def _spread(option: Any, count: int) -> list[int]:
    values = [option] if isinstance(option, int) else list(option)
    return values * count if len(values) == 1 else values


def through_windows(
    applied: Applied,
    seen: Seen,
    windows: Sequence[Window],
    read: Callable[[Dependence, int, Window], Dependence],
) -> Seen:
    """`windows` along the last dimensions."""
    first = len(applied.result_shape) - len(windows)
    for dim, window in enumerate(windows, first):
        if (window.kernel, window.stride, window.padding) == (1, 1, 0) and read is not _read:
            continue
        change = partial(_changed, applied.memo, dim, window, read)
        seen = applied.boxed(seen, seen.mapped(change), (dim,))
    return seen


def _changed(memo: Memo, dim: int, window: Window, read: Any, placed: Placed) -> Placed:
    return along_dim(
        memo, placed, dim, key=(read.__name__, window), change=lambda d, a: read(d, a, window)
    )


def channels_mixed(applied: Applied, seen: Seen, groups: int) -> Seen:
    """Union over the channels (dimension 1) of each group, for the channels of the result."""
    if groups == 1:
        return applied.without(seen, (1,))
    outputs = applied.result_shape[1]
    change = partial(_grouped, applied.memo, groups, outputs)
    return applied.boxed(seen, seen.mapped(change), (1,))


def _grouped(memo: Memo, groups: int, outputs: int, placed: Placed) -> Placed:
    return along_dim(
        memo,
        placed,
        1,
        key=("groups", groups, outputs),
        change=lambda dependence, axis: _by_group(dependence, axis, groups, outputs),
    )


def _by_group(dependence: Dependence, axis: int, groups: int, outputs: int) -> Dependence:
    sets = _group_axis(dependence.sets, axis, groups)
    forms = dependence.forms
    along = dependence.along
    if axis == along:
        raise Untracked("grouped channels along a spatial axis")
    if forms.shape[axis] > 1:
        forms = _group_axis(forms, axis, groups)
    else:
        forms = np.expand_dims(forms, axis + 1)
    inner = replace(dependence, sets=sets, forms=forms, along=along + (along > axis))
    united = without_axes(inner, (axis + 1,))
    forms = united.forms
    if forms.shape[axis] > 1:
        forms = forms.repeat(outputs // groups, axis)
    return replace(united, sets=united.sets.repeat(outputs // groups, axis), forms=forms)


def _group_axis(array: Any, axis: int, groups: int) -> Any:
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def pooling(rank: int) -> Handler:
    """Average or maximum over windows of `rank` dimensions."""

    def pool(applied: Applied) -> State:
        name = applied.name
        kernel = _spread(applied.argument(1, "kernel_size"), rank)
        stride = _spread(applied.argument(2, "stride", []) or kernel, rank)
        padding = _spread(applied.argument(3, "padding", 0), rank)
        dilation = [1] * rank
        if name.startswith("max"):
            dilation = _spread(applied.argument(4, "dilation", 1), rank)
        counts = applied.result_shape[-rank:]
        options = zip(kernel, stride, padding, dilation, counts, strict=True)
        windows = [Window(*each) for each in options]
        return through_windows(applied, applied.first, windows, _read)

    return pool


def adaptive_pooling(applied: Applied) -> State:
    """Windows from floor(o*n/m) to ceil((o + 1)*n/m); a single one is the whole axis."""
    sizes = applied.argument(1, "output_size")
    seen = applied.first
    rank = len(applied.shape)
    for dim, count in enumerate(sizes, rank - len(sizes)):
        given = applied.shape[dim]
        if count == 1:
            after = seen.mapped(lambda placed, dim=dim: without_dims(applied.memo, placed, (dim,)))
        else:
            after = seen.mapped(partial(_adapted, applied.memo, dim, (given, count)))
        seen = applied.boxed(seen, after, (dim,))
    return seen


def _adapted(memo: Memo, dim: int, sizes: tuple[int, int], placed: Placed) -> Placed:
    return along_dim(
        memo, placed, dim, key=("adaptive", sizes), change=lambda d, a: _adaptive(d, a, sizes)
    )


def _adaptive(dependence: Dependence, axis: int, sizes: tuple[int, int]) -> Dependence:
    taps = adaptive_taps(*sizes)
    sets = gathered(dependence.sets, axis, taps=taps.at, count=sizes[1], border=dependence.border)
    if axis != dependence.along:
        return _across(dependence, sets, axis, taps, sizes[1])
    widest = max(len(taps.at(position)) for position in range(taps.rise))
    lines = partial(resampling_lines, taps=widest, sizes=sizes)
    forms = mapped_forms(dependence.forms, lambda form: behind_taps(form, taps, lines))
    return replace(dependence, sets=sets, forms=forms)


HANDLERS: Mapping[str, Handler] = {
    "convolution": convolution,
    "max_pool2d_with_indices": pooling(2),
    "max_pool3d_with_indices": pooling(3),
    "avg_pool1d": pooling(1),
    "avg_pool2d": pooling(2),
    "avg_pool3d": pooling(3),
    "_adaptive_avg_pool2d": adaptive_pooling,
    "_adaptive_avg_pool3d": adaptive_pooling,
    "adaptive_max_pool2d": adaptive_pooling,
    "adaptive_max_pool3d": adaptive_pooling,
}
