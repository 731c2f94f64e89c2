"""Inception v2: GoogLeNet with batch normalisation and pairs of 3 x 3 convolutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from defib.networks.branches import ConcatenatedBranches
from defib.networks.normalized_convolution import normalized_convolution


@dataclass(frozen=True)
class Mixed:
    """Output channels of each convolution of a module that keeps height and width."""

    pointwise: int
    reduction: int
    convolution: int
    pair_reduction: int
    pair: int
    pool_projection: int

    @property
    def total(self) -> int:
        """Output channels of the module: the reductions are inner."""
        return self.pointwise + self.convolution + self.pair + self.pool_projection


@dataclass(frozen=True)
class Halving:
    """Output channels of each convolution of a module of stride 2; it pools all its input."""

    reduction: int
    convolution: int
    pair_reduction: int
    pair: int


MIXED_3B = Mixed(64, 64, 64, 64, 96, 32)
MIXED_3C = Mixed(64, 64, 96, 64, 96, 64)
MIXED_4A = Halving(128, 160, 64, 96)
MIXED_4B = Mixed(224, 64, 96, 96, 128, 128)
MIXED_4C = Mixed(192, 96, 128, 96, 128, 128)
MIXED_4D = Mixed(160, 128, 160, 128, 160, 96)
MIXED_4E = Mixed(96, 128, 192, 160, 192, 96)
MIXED_5A = Halving(128, 192, 192, 256)
MIXED_5B = Mixed(352, 192, 320, 160, 224, 128)
MIXED_5C = Mixed(352, 192, 320, 192, 224, 128)


def inception_v2(classes: int = 1000) -> nn.Sequential:
    """Scores of `classes` classes for 3 x 224 x 224 images: 11,188,224 parameters.

    Ioffe, Szegedy, "Batch Normalization" (2015), arXiv:1502.03167, in the variant of TF-Slim
    (`inception_v2`): a separable first convolution and its channel table. Araujo, Norris, Sim
    (2019) give a receptive field of 699 and a stride of 32 pixels before the last pooling. The
    padding is symmetric, which is TensorFlow's SAME at odd sizes such as 321.
    """
    return nn.Sequential(
        # TF-Slim normalises every convolution but this separable one.
        nn.Conv2d(3, 24, 7, stride=2, padding=3, groups=3, bias=False),
        nn.Conv2d(24, 64, 1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        normalized_convolution(64, 64, 1),
        normalized_convolution(64, 192, 3),
        nn.MaxPool2d(3, stride=2, padding=1),
        _mixed(192, MIXED_3B),
        _mixed(256, MIXED_3C),
        _halving(320, MIXED_4A),
        _mixed(576, MIXED_4B),
        _mixed(576, MIXED_4C),
        _mixed(576, MIXED_4D),
        _mixed(576, MIXED_4E),
        _halving(576, MIXED_5A),
        _mixed(1024, MIXED_5B),
        _mixed(1024, MIXED_5C, pooling=nn.MaxPool2d),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(MIXED_5C.total, classes),
    )


def _average_pooling(kernel: int, *, stride: int, padding: int) -> nn.AvgPool2d:
    # TensorFlow's SAME leaves the padding out of the mean.
    return nn.AvgPool2d(kernel, stride=stride, padding=padding, count_include_pad=False)


def _mixed(
    channels: int, outputs: Mixed, *, pooling: Callable[..., nn.Module] = _average_pooling
) -> ConcatenatedBranches:
    return ConcatenatedBranches(
        normalized_convolution(channels, outputs.pointwise, 1),
        nn.Sequential(
            normalized_convolution(channels, outputs.reduction, 1),
            normalized_convolution(outputs.reduction, outputs.convolution, 3),
        ),
        nn.Sequential(
            normalized_convolution(channels, outputs.pair_reduction, 1),
            normalized_convolution(outputs.pair_reduction, outputs.pair, 3),
            normalized_convolution(outputs.pair, outputs.pair, 3),
        ),
        nn.Sequential(
            pooling(3, stride=1, padding=1),
            normalized_convolution(channels, outputs.pool_projection, 1),
        ),
    )


def _halving(channels: int, outputs: Halving) -> ConcatenatedBranches:
    return ConcatenatedBranches(
        nn.Sequential(
            normalized_convolution(channels, outputs.reduction, 1),
            normalized_convolution(outputs.reduction, outputs.convolution, 3, stride=2),
        ),
        nn.Sequential(
            normalized_convolution(channels, outputs.pair_reduction, 1),
            normalized_convolution(outputs.pair_reduction, outputs.pair, 3),
            normalized_convolution(outputs.pair, outputs.pair, 3, stride=2),
        ),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
