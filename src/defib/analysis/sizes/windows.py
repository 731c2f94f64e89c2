"""Sizes after convolutions and poolings."""

from __future__ import annotations

from typing import Any

from defib.analysis.functions.arguments import argument, sizes
from defib.analysis.functions.convolutions import convolution_of
from defib.analysis.sizes.axes import labelled, map_sizes
from defib.analysis.trace import FunctionCall
from defib.analysis.window import AXES, Window, per_axis
from defib.records.architecture import OutputSize
from defib.records.expression import Integer


def convolution_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `conv2d`, `conv_transpose2d` and their relatives."""
    convolution = convolution_of(call)
    return map_sizes(
        Integer(convolution.output_channels, "output channels"),
        {window.name: window.output_size() for window in convolution.windows},
    )


def pooling_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)` and relatives.

    `avg_pool2d` has no dilation: `ceil_mode` stands in its place.
    """
    is_average = call.name.startswith("avg")
    features = sizes(call, 0, "input")
    axes = int(call.name.removesuffix("_with_indices")[-2])
    kernel = per_axis(argument(call, 1, "kernel_size"), axes)
    stride = argument(call, 2, "stride") or kernel
    dilation: Any = 1 if is_average else argument(call, 4, "dilation", 1)
    padding = per_axis(argument(call, 3, "padding", 0), axes)
    is_rounded_up = argument(call, 4 if is_average else 5, "ceil_mode", False)
    windows = [
        Window(
            name,
            features[axis - axes],
            kernel[axis],
            per_axis(stride, axes)[axis],
            padding[axis],
            padding[axis],
            per_axis(dilation, axes)[axis],
            is_rounded_up=is_rounded_up,
        )
        for axis, name in enumerate(AXES[axes])
    ]
    return map_sizes(
        labelled(features[-axes - 1], "channels"),
        {window.name: window.output_size() for window in windows},
    )


def adaptive_pooling_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `adaptive_avg_pool2d(input, output_size)`: as asked for, whatever the input."""
    features = sizes(call, 0, "input")
    axes = int(call.name.removesuffix("_with_indices")[-2])
    asked: Any = argument(call, 1, "output_size")
    wanted: list[Any] = list(asked) if isinstance(asked, tuple | list) else [asked] * axes
    spatial = {
        name: labelled(features[axis - axes], name)
        if wanted[axis] is None
        else Integer(wanted[axis], f"asked {name}")
        for axis, name in enumerate(AXES[axes])
    }
    return map_sizes(labelled(features[-axes - 1], "channels"), dict(spatial))
