"""The windows of convolutions and poolings, and the axes of softmaxes, read off operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from defib.analysis.trace import Operation
from defib.analysis.window import per_axis
from defib.records.architecture import KernelWindow

_POOLING_AXES = {
    "avg_pool1d": 1,
    "avg_pool2d": 2,
    "avg_pool3d": 3,
    "max_pool2d_with_indices": 2,
    "max_pool3d_with_indices": 3,
}


def kernel_window_of(operation: Operation) -> KernelWindow | None:
    """The window of a convolution or pooling, `None` of anything else."""
    reader = _READERS.get(operation.name)
    return reader(operation) if reader is not None else None


def softmax_axis_of(operation: Operation) -> int | None:
    """The dimension along which a softmax normalises, `None` of anything else."""
    if operation.name not in _SOFTMAXES:
        return None
    axes = len(operation.outputs[0].shape.dimensions)
    return operation.arguments[1] % axes if axes else 0


_SOFTMAXES = frozenset(("softmax", "_softmax", "_safe_softmax", "log_softmax", "_log_softmax"))


def _convolution(operation: Operation) -> KernelWindow:
    features, weight, _, stride, padding, dilation, is_transposed = operation.arguments[:7]
    kernel = weight.shape.dimensions[2:]
    axes = len(kernel)
    return KernelWindow(
        kernel,
        _last(features.shape.dimensions, axes),
        _last(operation.outputs[0].shape.dimensions, axes),
        per_axis(stride, axes),
        per_axis(padding, axes),
        per_axis(dilation, axes),
        groups=operation.arguments[8],
        is_transposed=is_transposed,
    )


def _pooling(operation: Operation) -> KernelWindow:
    axes = _POOLING_AXES[operation.name]
    given = operation.arguments
    kernel = per_axis(given[1], axes)
    stride, padding = _given(operation, 2, "stride", ()), _given(operation, 3, "padding", 0)
    is_maximum = operation.name.startswith("max")
    dilation = _given(operation, 4, "dilation", 1) if is_maximum else 1
    return KernelWindow(
        kernel,
        _last(given[0].shape.dimensions, axes),
        _last(operation.outputs[0].shape.dimensions, axes),
        per_axis(stride, axes) or kernel,
        per_axis(padding, axes),
        per_axis(dilation, axes),
    )


def _given(operation: Operation, position: int, name: str, default: Any) -> Any:
    if position < len(operation.arguments):
        return operation.arguments[position]
    return operation.keywords.get(name, default)


def _last(dimensions: tuple[int, ...], axes: int) -> tuple[int, ...]:
    return dimensions[len(dimensions) - axes :]


_READERS: dict[str, Callable[[Operation], KernelWindow]] = {
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
    **dict.fromkeys(_POOLING_AXES, _pooling),
}
