"""Receptive fields of whole networks, against published values.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill,
2019), table of the end points before global pooling; networks as TF-Slim defines them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from defib.analysis.receptive_field.fields import ReceptiveFields, call_fields
from defib.analysis.trace import Trace, trace
from defib.networks.alexnet_v2 import AlexNetV2
from defib.networks.inception_v2 import inception_v2
from defib.networks.mobilenet import mobilenet_v1
from defib.networks.resnet import StridePlacement, resnet_50, resnet_101
from defib.networks.stacked_convolutions import stacked_convolutions
from defib.networks.unet import UNet
from defib.networks.vgg import vgg_16
from defib.records.architecture import AxisField, Exactness, ReceptiveField


def traced(build: Callable[[], nn.Module], *shape: int) -> Trace:
    with torch.device("meta"):
        network = build().eval()
    result = trace(network, [torch.zeros(shape, device="meta")])
    assert result.failure is None, result.failure
    return result


def last_local(build: Callable[[], nn.Module], *shape: int) -> AxisField:
    """The field before everything is put together: the last that is not the whole input."""
    fields = call_fields(traced(build, *shape)).values()
    local = [field for field in fields if not field.is_global]
    assert all(field.exactness is Exactness.EXACT for field in local)
    largest = max((field.axes for field in local), key=lambda axes: axes[0].size)
    assert largest[0] == largest[1]
    return largest[0]


def slim_resnet_50() -> nn.Module:
    return resnet_50(placement=StridePlacement.LAST_SPATIAL)


def slim_resnet_101() -> nn.Module:
    return resnet_101(placement=StridePlacement.LAST_SPATIAL)


class Bottleneck(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.branch = nn.Conv2d(1, 1, 3, stride, padding=1)
        self.shortcut = nn.MaxPool2d(1, stride)

    def forward(self, features: Tensor) -> Tensor:
        return self.shortcut(features) + self.branch(features)


def deep_resnet(*depths: int) -> nn.Module:
    """TF-Slim's v1 networks with one channel: the last unit of a stage has the stride."""
    units = [
        Bottleneck(2 if unit == depth - 1 and stage < 3 else 1)
        for stage, depth in enumerate(depths)
        for unit in range(depth)
    ]
    return nn.Sequential(nn.Conv2d(3, 1, 7, 2, 3), nn.MaxPool2d(3, 2, 1), *units)


@pytest.mark.parametrize(
    ("build", "size", "stride"),
    [
        (slim_resnet_50, 483, 32),
        (slim_resnet_101, 1027, 32),
        (lambda: deep_resnet(3, 4, 6, 3), 483, 32),
        (lambda: deep_resnet(3, 8, 36, 3), 1507, 32),
        (lambda: deep_resnet(3, 24, 36, 3), 1763, 32),
        (resnet_50, 427, 32),
        (inception_v2, 699, 32),
        (mobilenet_v1, 315, 32),
    ],
)
def test_field_is_the_published_one(build, size, stride):
    field = last_local(build, 1, 3, 321, 321)
    assert (field.size, field.stride) == (size, stride)


def test_alexnet_sees_195_pixels_at_stride_32_and_padding_64():
    trace_ = traced(AlexNetV2, 1, 3, 224, 224)
    [features] = [call for call in trace_.calls if call.name == "features"]
    assert ReceptiveFields(trace_).of_call(features).axes[0] == AxisField(195, 32, -64)


def test_vgg_16_sees_212_pixels_at_stride_32_and_padding_90():
    trace_ = traced(vgg_16, 1, 3, 224, 224)
    [stages] = [call for call in trace_.calls if call.name == "stages"]
    assert ReceptiveFields(trace_).of_call(stages).axes[0] == AxisField(212, 32, -90)


def test_size_does_not_depend_on_the_size_of_the_input():
    assert last_local(slim_resnet_50, 1, 3, 65, 65).size == 483


@pytest.mark.parametrize(("count", "kernel"), [(1, 7), (2, 3), (3, 3), (4, 5)])
def test_stacked_convolutions_see_nf_minus_n_plus_one(count, kernel):
    trace_ = traced(lambda: stacked_convolutions(count, kernel), 1, 1, 32, 32)
    field = ReceptiveFields(trace_).of(trace_.outputs[0])
    assert field.axes[0].size == count * kernel - count + 1


def test_unet_is_exact_with_crops_and_transposed_convolutions():
    trace_ = traced(lambda: UNet(width=1), 1, 1, 572, 572)
    field = ReceptiveFields(trace_).of(trace_.outputs[0])
    assert field.exactness is Exactness.EXACT
    assert (field.axes[0].stride, field.axes[0].has_holes) == (1, False)
    assert field.axes[0].size == _widest_of_unet()


def _widest_of_unet() -> int:
    """By intervals: an output's lowest and highest input, through the deepest path."""

    def span(low: int, high: int) -> int:
        for _ in range(4):  # up: two convolutions, then a transposed one of stride 2
            high += 4
            low, high = low // 2, high // 2
        for level in range(5):  # down, backwards: two convolutions, a pooling above
            high += 4
            if level < 4:
                low, high = low * 2, high * 2 + 1
        return high - low + 1

    return max(span(position, position) for position in range(16))


def test_every_call_of_resnet_101_at_1024_has_a_field():
    trace_ = traced(resnet_101, 1, 3, 1024, 1024)
    fields = ReceptiveFields(trace_)
    assert all(isinstance(fields.of_call(call), ReceptiveField) for call in trace_.calls)
