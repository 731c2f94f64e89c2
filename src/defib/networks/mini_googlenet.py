"""MiniGoogLeNet, the small Inception network."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from defib.networks.branches import ConcatenatedBranches
from defib.networks.normalized_convolution import normalized_convolution


def mini_googlenet(
    classes: int = 10, *, channels: int = 3, downsampling_padding: int = 0
) -> nn.Sequential:
    """Scores of `classes` classes for 32 x 32 images, or for 28 x 28 with a padding of 1.

    Zhang, Bengio, Hardt, Recht, Vinyals, "Understanding deep learning requires rethinking
    generalization" (2017), arXiv:1611.03530, Figure 3, published for 28 x 28 crops of CIFAR-10.
    The defaults are PyImageSearch's MiniGoogLeNet: 32 x 32, unpadded downsampling, convolutions
    with a bias, dropout; 1,652,826 parameters for 3 channels and 10 classes.
    """
    return nn.Sequential(
        normalized_convolution(channels, 96, 3, has_bias=True),
        _inceptions(96, ((32, 32), (32, 48))),
        _downsampling(80, 80, downsampling_padding),
        _inceptions(160, ((112, 48), (96, 64), (80, 80), (48, 96))),
        _downsampling(144, 96, downsampling_padding),
        _inceptions(240, ((176, 160), (176, 160))),
        nn.AvgPool2d(7),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(336, classes),
    )


def _inceptions(channels: int, outputs: Iterable[tuple[int, int]]) -> nn.Sequential:
    """Modules of a 1 x 1 and a 3 x 3 convolution; `outputs` are the channels of both."""
    modules: list[nn.Module] = []
    for pointwise, convolution in outputs:
        modules.append(
            ConcatenatedBranches(
                normalized_convolution(channels, pointwise, 1, has_bias=True),
                normalized_convolution(channels, convolution, 3, has_bias=True),
            )
        )
        channels = pointwise + convolution
    return nn.Sequential(*modules)


def _downsampling(channels: int, added: int, padding: int) -> ConcatenatedBranches:
    return ConcatenatedBranches(
        normalized_convolution(channels, added, 3, stride=2, padding=padding, has_bias=True),
        nn.MaxPool2d(3, stride=2, padding=padding),
    )
