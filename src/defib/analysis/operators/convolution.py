"""Convolutions and transposed convolutions of any number of axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.analysis.operators.cost import Cost, cost, product
from defib.analysis.trace import Operation, Trace, Value
from defib.analysis.window import AXES, Window, per_axis
from defib.records.architecture import Count
from defib.records.expression import Difference, Expression, Integer, Product


@final
@dataclass(frozen=True)
class Convolution:
    """All that decides the cost of one convolution; `output` is its size along each window.

    A tap of a transposed convolution is a product of an input element with a kernel element;
    those that land outside the output are its taps on padding.
    """

    batch: int
    input_channels: int
    output_channels: int
    groups: int
    windows: tuple[Window, ...]
    output: tuple[int, ...]

    def macs(self) -> Expression:
        """(kernel · input channels per group · output channels) · positions · batch."""
        kernel = tuple(Integer(each.kernel, f"kernel {each.name}") for each in self.windows)
        field = Product((*kernel, *self._channels()))
        return Product((field, product(*self._positions()), *self._batches()))

    def connections(self) -> Expression:
        """Multiply-accumulates whose tap falls inside the image."""
        if not self.has_padding():
            return self.macs()
        taps = tuple(
            window.taps_inside(output)
            for window, output in zip(self.windows, self.output, strict=True)
        )
        return Product((*taps, *self._channels(), *self._batches()))

    def has_padding(self) -> bool:
        """Whether any tap falls outside the image."""
        pairs = zip(self.windows, self.output, strict=True)
        return any(window.has_taps_outside(output) for window, output in pairs)

    def cost(self) -> Cost:
        """All of it, with the arithmetic."""
        macs = self.macs()
        if not self.has_padding():
            return cost(macs)
        connections = self.connections()
        return Cost(Count(macs), Count(Difference(macs, connections)), Count(connections))

    @property
    def _is_transposed(self) -> bool:
        return self.windows[0].is_transposed

    def _channels(self) -> tuple[Integer, Integer]:
        group = " per group" if self.groups > 1 else ""
        if self._is_transposed:
            outputs = Integer(self.output_channels // self.groups, f"output channels{group}")
            return Integer(self.input_channels, "input channels"), outputs
        inputs = Integer(self.input_channels // self.groups, f"input channels{group}")
        return inputs, Integer(self.output_channels, "output channels")

    def _batches(self) -> tuple[Integer, ...]:
        return (Integer(self.batch, "batch"),) if self.batch != 1 else ()

    def _positions(self) -> tuple[Integer, ...]:
        if self._is_transposed:
            return tuple(Integer(each.size, f"input {each.name}") for each in self.windows)
        pairs = zip(self.windows, self.output, strict=True)
        return tuple(Integer(output, f"output {window.name}") for window, output in pairs)


def convolution_cost(operation: Operation, trace: Trace) -> Cost:
    """Cost of `convolution(input, weight, bias, stride, padding, dilation, transposed, ...)`."""
    features, weight, _, stride, padding, dilation, is_transposed, extra, groups = (
        operation.arguments[:9]
    )
    kernel = weight.shape.dimensions[2:]
    axes = len(kernel)
    zeros = _zeros_around(features, trace, axes)
    image = features.shape.dimensions[2:]
    windows = tuple(
        Window(
            name,
            image[axis] - sum(zeros[axis]),
            kernel[axis],
            per_axis(stride, axes)[axis],
            per_axis(padding, axes)[axis] + zeros[axis][0],
            per_axis(padding, axes)[axis] + zeros[axis][1],
            per_axis(dilation, axes)[axis],
            per_axis(extra, axes)[axis],
            is_transposed=is_transposed,
        )
        for axis, name in enumerate(AXES[axes])
    )
    output = operation.outputs[0].shape.dimensions
    return Convolution(
        features.shape.dimensions[0],
        features.shape.dimensions[1],
        output[1],
        groups,
        windows,
        output[2:],
    ).cost()


def _zeros_around(features: Value, trace: Trace, axes: int) -> tuple[tuple[int, int], ...]:
    """Zeros that an operation before put around the image: torch pads unevenly in this way."""
    none = ((0, 0),) * axes
    if features.producer < 0:
        return none
    before = trace.operations[features.producer]
    if before.name != "constant_pad_nd":
        return none
    _, amounts, *value = before.arguments
    is_zero = not value or value[0] == 0
    is_spatial = len(amounts) <= 2 * axes and all(amount >= 0 for amount in amounts)
    if not (is_zero and is_spatial):
        return none
    # The last axis comes first in `amounts`.
    pairs = [tuple(amounts[index : index + 2]) for index in range(0, len(amounts), 2)]
    return (*none[len(pairs) :], *reversed(pairs))
