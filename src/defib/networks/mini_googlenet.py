"""MiniGoogLeNet, the small Inception network."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from defib.networks.branches import ConcatenatedBranches
from defib.networks.normalized_convolution import normalized_convolution


def mini_googlenet(
    classes: int = 10,
    *,
    channels: int = 3,
    downsampling_padding: int = 0,
    narrowing: int = 1,
    last_size: int = 7,
) -> nn.Sequential:
    """Scores of `classes` classes for 32 x 32 images, or for 28 x 28 with a padding of 1.

    Zhang, Bengio, Hardt, Recht, Vinyals, "Understanding deep learning requires rethinking
    generalization" (2017), arXiv:1611.03530, Figure 3, published for 28 x 28 crops of CIFAR-10.
    The defaults are PyImageSearch's MiniGoogLeNet: 32 x 32, unpadded downsampling, convolutions
    with a bias, dropout; 1,652,826 parameters for 3 channels and 10 classes. `narrowing` divides
    the channels of every layer, and 1, 2, 4, 8 and 16 do so without rest; `last_size` is the edge
    of the last maps, 4 for 14 x 14 images with a padding of 1.
    """

    def narrow(*outputs: int) -> tuple[int, ...]:
        return tuple(each // narrowing for each in outputs)

    [stem, first, second, third, last] = narrow(96, 80, 160, 144, 240)
    return nn.Sequential(
        normalized_convolution(channels, stem, 3, has_bias=True),
        _inceptions(stem, (narrow(32, 32), narrow(32, 48))),
        _downsampling(first, first, downsampling_padding),
        _inceptions(second, (narrow(112, 48), narrow(96, 64), narrow(80, 80), narrow(48, 96))),
        _downsampling(third, stem, downsampling_padding),
        _inceptions(last, (narrow(176, 160), narrow(176, 160))),
        nn.AvgPool2d(last_size),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(sum(narrow(176, 160)), classes),
    )


def _inceptions(channels: int, outputs: Iterable[tuple[int, ...]]) -> nn.Sequential:
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
