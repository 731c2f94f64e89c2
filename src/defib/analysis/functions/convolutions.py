"""`conv1d` to `conv3d` and their transposes."""

from __future__ import annotations

from typing import Any

from defib.analysis.functions.arguments import argument, sizes
from defib.analysis.operators.convolution import Convolution
from defib.analysis.trace import FunctionCall
from defib.analysis.window import AXES, Window, per_axis
from defib.records.expression import Expression

SLIDING = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def convolution_of(call: FunctionCall) -> Convolution:
    """The convolution that a call describes, its output sizes worked out from the arguments."""
    is_transposed = call.name in TRANSPOSED
    features, weight = sizes(call, 0, "input"), sizes(call, 1, "weight")
    axes = len(weight) - 2
    # conv(input, weight, bias, stride, padding, dilation, groups)
    # conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    dilation = per_axis(argument(call, 7 if is_transposed else 5, "dilation", 1), axes)
    groups = argument(call, 6, "groups", 1)
    extra = argument(call, 5, "output_padding", 0) if is_transposed else 0
    padding = _padding(argument(call, 4, "padding", 0), weight[2:], dilation)
    windows = tuple(
        Window(
            name,
            features[axis - axes],
            weight[2 + axis],
            per_axis(argument(call, 3, "stride", 1), axes)[axis],
            padding[axis][0],
            padding[axis][1],
            dilation[axis],
            per_axis(extra, axes)[axis],
            is_transposed=is_transposed,
        )
        for axis, name in enumerate(AXES[axes])
    )
    return Convolution(
        features[0] if len(features) == len(weight) else 1,
        features[-axes - 1],
        weight[1] * groups if is_transposed else weight[0],
        groups,
        windows,
        tuple(window.output_size().value for window in windows),
    )


def convolution_macs(call: FunctionCall) -> Expression:
    """Of `conv2d(input, weight, ...)` and its relatives."""
    return convolution_of(call).macs()


def _padding(
    given: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Padding before and after each axis; `same` puts the odd position after."""
    if given == "valid":
        given = 0
    if given == "same":
        extents = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return tuple((extent // 2, extent - extent // 2) for extent in extents)
    return tuple((each, each) for each in per_axis(given, len(kernel)))
