"""The layers of a model that hold weights, and how large their weights are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from defib.analysis.signal_propagation.moments import moments
from defib.analysis.signal_propagation.taps import Axis, taps

# Their children's weights are used without calling the children, or they are one unit.
_WHOLE = (nn.Linear, _ConvNd, nn.MultiheadAttention)


@final
@dataclass(frozen=True)
class WeightScale:
    """What the theory needs of a layer.

    `fan_in`: products summed into an output away from the border, `mean_fan_in` the average over
    all outputs (zero padding takes some away). `mean_fan_out`: outputs that an input enters, on
    average. The moment of the biases is the second, 0 without biases. Theory supposes weights of
    mean 0: `weight_mean` tells how far they are from that.
    """

    fan_in: float
    mean_fan_in: float
    mean_fan_out: float
    weight_mean: float
    weight_variance: float
    bias_second_moment: float


def find_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Modules that hold weights and are not made of others, by qualified name.

    A PReLU is none: its parameters belong to the activation. A model that is itself such a
    module is named after its class, in lower case.
    """
    found: dict[str, nn.Module] = {}
    _collect(model, "", found, set())
    return found


def _collect(module: nn.Module, name: str, found: dict[str, nn.Module], seen: set[int]) -> None:
    if id(module) in seen:
        return
    seen.add(id(module))
    children = list(module.named_children())
    if isinstance(module, _WHOLE) or (not children and _owns_weights(module)):
        found[name or type(module).__name__.lower()] = module
        return
    for child_name, child in children:
        _collect(child, f"{name}.{child_name}" if name else child_name, found, seen)


def _owns_weights(module: nn.Module) -> bool:
    return not isinstance(module, nn.PReLU) and any(True for _ in module.parameters(recurse=False))


@singledispatch
def weight_scale(module: nn.Module, received: Tensor, returned: Tensor) -> WeightScale | None:
    """The scale of a layer for an input and its output.

    `None` if mean-field theory has no formula for it (normalisation, attention, recurrence,
    embedding).
    """
    del module, received, returned
    return None


@weight_scale.register
def _(module: nn.Linear, received: Tensor, returned: Tensor) -> WeightScale:
    del received, returned
    fans = (float(module.in_features), float(module.in_features), float(module.out_features))
    return _scale(module.weight, module.bias, fans)


@weight_scale.register
def _(module: _ConvNd, received: Tensor, returned: Tensor) -> WeightScale:
    sizes, new_sizes = _positions(module, received, returned)
    pairs = math.prod(taps(axis) for axis in _axes(module, sizes, new_sizes))
    inputs, units = module.in_channels // module.groups, module.out_channels // module.groups
    mean_fan_in = inputs * pairs / math.prod(new_sizes)
    fans = (
        float(inputs * math.prod(module.kernel_size)),
        mean_fan_in,
        units * pairs / math.prod(sizes),
    )
    return _scale(module.weight, module.bias, fans)


@weight_scale.register
def _(module: _ConvTransposeNd, received: Tensor, returned: Tensor) -> WeightScale:
    sizes, new_sizes = _positions(module, received, returned)
    # The same pairs as of the convolution that leads back.
    pairs = math.prod(taps(axis) for axis in _axes(module, new_sizes, sizes))
    inputs, units = module.in_channels // module.groups, module.out_channels // module.groups
    fan_in = inputs * math.prod(module.kernel_size) / math.prod(module.stride)
    mean_fan_in = inputs * pairs / math.prod(new_sizes)
    return _scale(
        module.weight, module.bias, (fan_in, mean_fan_in, units * pairs / math.prod(sizes))
    )


def _positions(
    module: _ConvNd, received: Tensor, returned: Tensor
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    dimensions = len(module.kernel_size)
    return tuple(received.shape[-dimensions:]), tuple(returned.shape[-dimensions:])


def _axes(module: _ConvNd, sizes: tuple[int, ...], new_sizes: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(
        Axis(
            size=size,
            new_size=new_size,
            kernel=module.kernel_size[number],
            stride=module.stride[number],
            dilation=module.dilation[number],
            padding=_zero_padding(module, number),
        )
        for number, (size, new_size) in enumerate(zip(sizes, new_sizes, strict=True))
    )


def _zero_padding(module: _ConvNd, axis: int) -> int | None:
    if module.padding_mode != "zeros":
        return None
    if isinstance(module.padding, str):
        reach = module.dilation[axis] * (module.kernel_size[axis] - 1)
        return reach // 2 if module.padding == "same" else 0
    return module.padding[axis]


def _scale(weight: Tensor, bias: Tensor | None, fans: tuple[float, float, float]) -> WeightScale:
    with torch.no_grad():
        scale = moments(weight)
        bias_moment = 0.0 if bias is None else moments(bias).second_moment
    return WeightScale(*fans, scale.mean, scale.variance, bias_moment)
