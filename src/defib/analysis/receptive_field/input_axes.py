"""Which input receptive fields are measured on, and which of its dimensions are space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.analysis.trace import Operation, Trace, Value

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@final
@dataclass(frozen=True)
class InputAxes:
    """An input of the network and its spatial dimensions."""

    value: Value
    dims: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return AXIS_NAMES.get(len(self.dims), ())

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(self.value.shape.dimensions[dim] for dim in self.dims)


def input_axes(trace: Trace) -> InputAxes | None:
    """The first image-like input: three dimensions or more, otherwise the one with the most.

    N x C x H x W and N x C x D x H x W: the last two or three. Three dimensions: the last two of
    an image without batch, the last of N x C x L, the second of N x L x C, told apart by the
    first operation that mixes positions or features. Two dimensions (token ids N x L, features
    N x F): the second. None for a network without tensors as inputs.
    """
    ranks = [(value, len(value.shape.dimensions)) for value in trace.inputs]
    images = [value for value, rank in ranks if rank >= 3]
    rest = sorted((pair for pair in ranks if pair[1]), key=lambda pair: -pair[1])
    if not images and not rest:
        return None
    value = images[0] if images else rest[0][0]
    rank = len(value.shape.dimensions)
    if rank == 3:
        return InputAxes(value, _of_three_dimensions(trace, value))
    return InputAxes(value, {1: (0,), 2: (1,)}.get(rank, tuple(range(2, rank))))


def _of_three_dimensions(trace: Trace, value: Value) -> tuple[int, ...]:
    reached = {value.index}
    for operation in trace.operations:
        if not any(each.index in reached for each in operation.inputs):
            continue
        found = _axes_used(trace, operation)
        if found is not None:
            return found
        reached.update(each.index for each in operation.outputs)
    return (2,)


def _axes_used(trace: Trace, operation: Operation) -> tuple[int, ...] | None:
    name = operation.name
    function = trace.functions[operation.function].name if operation.function >= 0 else ""
    if any(part in name for part in ("conv", "pool", "upsample")):
        is_image = function.rstrip("_").endswith("2d") or "interpolate" in function
        return (1, 2) if is_image and "2d" in name + function else (2,)
    if "batch_norm" in name:
        return (2,)
    if name in ("mm", "bmm", "addmm", "baddbmm", "linear", "native_layer_norm"):
        return (1,)
    return None
