"""Residual networks for ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import torch.nn.functional as F
from torch import Tensor, nn

from defib.networks.normalized_convolution import normalized_convolution

WIDTHS = (64, 128, 256, 512)
"""Channels of the 3 x 3 convolutions of the four stages; Table 1 of the paper."""
EXPANSION = 4
"""Output channels of a bottleneck for each channel of its 3 x 3 convolution."""


class StridePlacement(Enum):
    """Where the bottlenecks halve the resolution. The parameters are the same."""

    FIRST_POINTWISE = "first 1 x 1 convolution of a stage"
    """He et al. 2015 in the authors' Caffe release. Receptive field of ResNet-50: 483."""
    FIRST_SPATIAL = "first 3 x 3 convolution of a stage"
    """torchvision and fb.resnet.torch, also called v1.5. Receptive field of ResNet-50: 427."""
    LAST_SPATIAL = "last 3 x 3 convolution of a stage, but for the last stage"
    """TF-Slim (`resnet_v1_50`), in Araujo, Norris, Sim (2019). Of ResNet-50: 483."""


class ResidualUnit(nn.Module):
    """The branch added to its input, which the shortcut brings to the same shape."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.branch(features) + self.shortcut(features))


class ResNet(nn.Module):
    """Scores of `classes` classes for 3 x 224 x 224 images.

    He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015),
    arXiv:1512.03385, with projections where the shape changes (option B). The first pooling is
    padded symmetrically, which is TensorFlow's SAME at odd sizes such as 321.
    """

    def __init__(self, stages: Sequence[nn.Module], channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            normalized_convolution(3, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.stages = nn.Sequential(*stages)
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stages(self.stem(images))
        return self.head(self.pooling(features).flatten(1))


def resnet_18(classes: int = 1000) -> ResNet:
    """ResNet of 8 units with two convolutions, for 224 x 224 images: 11,689,512 parameters."""
    stages: list[nn.Module] = []
    channels = 64
    for width in WIDTHS:
        first = basic_unit(channels, width, stride=1 if width == channels else 2)
        stages.append(nn.Sequential(first, basic_unit(width, width, stride=1)))
        channels = width
    return ResNet(stages, channels, classes)


def resnet_50(
    classes: int = 1000, *, placement: StridePlacement = StridePlacement.FIRST_SPATIAL
) -> ResNet:
    """ResNet of 16 bottlenecks, for 224 x 224 images: 25,557,032 parameters."""
    return _bottleneck_network((3, 4, 6, 3), classes, placement)


def resnet_101(
    classes: int = 1000, *, placement: StridePlacement = StridePlacement.FIRST_SPATIAL
) -> ResNet:
    """ResNet of 33 bottlenecks, for 224 x 224 images: 44,549,160 parameters."""
    return _bottleneck_network((3, 4, 23, 3), classes, placement)


def basic_unit(channels: int, width: int, *, stride: int) -> ResidualUnit:
    """A unit of two 3 x 3 convolutions, the first with the stride."""
    branch = nn.Sequential(
        normalized_convolution(channels, width, 3, stride=stride),
        normalized_convolution(width, width, 3, is_rectified=False),
    )
    return ResidualUnit(branch, _shortcut(channels, width, stride))


def bottleneck_unit(
    channels: int, width: int, *, pointwise_stride: int = 1, spatial_stride: int = 1
) -> ResidualUnit:
    """A unit of a 1 x 1, a 3 x 3 and a 1 x 1 convolution, with four times `width` outputs."""
    branch = nn.Sequential(
        normalized_convolution(channels, width, 1, stride=pointwise_stride),
        normalized_convolution(width, width, 3, stride=spatial_stride),
        normalized_convolution(width, EXPANSION * width, 1, is_rectified=False),
    )
    shortcut = _shortcut(channels, EXPANSION * width, pointwise_stride * spatial_stride)
    return ResidualUnit(branch, shortcut)


def _shortcut(channels: int, width: int, stride: int) -> nn.Module:
    if channels != width:
        return normalized_convolution(channels, width, 1, stride=stride, is_rectified=False)
    return nn.Identity() if stride == 1 else nn.MaxPool2d(1, stride=stride)


def _bottleneck_network(depths: Sequence[int], classes: int, placement: StridePlacement) -> ResNet:
    is_pointwise = placement is StridePlacement.FIRST_POINTWISE
    stages: list[nn.Module] = []
    channels = 64
    for width, strides in zip(WIDTHS, _strides(depths, placement), strict=True):
        units: list[nn.Module] = []
        for stride in strides:
            pointwise, spatial = (stride, 1) if is_pointwise else (1, stride)
            units.append(
                bottleneck_unit(channels, width, pointwise_stride=pointwise, spatial_stride=spatial)
            )
            channels = EXPANSION * width
        stages.append(nn.Sequential(*units))
    return ResNet(stages, channels, classes)


def _strides(depths: Sequence[int], placement: StridePlacement) -> list[list[int]]:
    """The stride of each unit of each stage: the pooling has halved, so one stage need not."""
    strides = [[1] * depth for depth in depths]
    if placement is StridePlacement.LAST_SPATIAL:
        for stage in strides[:-1]:
            stage[-1] = 2
    else:
        for stage in strides[1:]:
            stage[0] = 2
    return strides
