"""The Inception module, naive and with dimension reduction."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from defib.networks.branches import ConcatenatedBranches


@dataclass(frozen=True)
class InceptionChannels:
    """Output channels of each convolution of a module, in the order of the columns of the paper."""

    pointwise: int
    reduction_3x3: int
    convolution_3x3: int
    reduction_5x5: int
    convolution_5x5: int
    pool_projection: int

    @property
    def total(self) -> int:
        """Output channels of the module: the reductions are inner."""
        outer = self.pointwise + self.convolution_3x3 + self.convolution_5x5
        return outer + self.pool_projection


def naive_inception(
    channels: int, *, pointwise: int, convolution_3x3: int, convolution_5x5: int
) -> ConcatenatedBranches:
    """A module that keeps height and width; its pooling passes all input channels on.

    Szegedy et al., "Going Deeper with Convolutions" (2015), arXiv:1409.4842, Figure 2a.
    """
    return ConcatenatedBranches(
        _convolution(channels, pointwise, 1),
        _convolution(channels, convolution_3x3, 3),
        _convolution(channels, convolution_5x5, 5),
        nn.MaxPool2d(3, stride=1, padding=1),
    )


def inception(channels: int, outputs: InceptionChannels) -> ConcatenatedBranches:
    """A module that keeps height and width, with a 1 x 1 convolution in each dear branch.

    Szegedy et al., "Going Deeper with Convolutions" (2015), arXiv:1409.4842, Figure 2b.
    """
    return ConcatenatedBranches(
        _convolution(channels, outputs.pointwise, 1),
        nn.Sequential(
            _convolution(channels, outputs.reduction_3x3, 1),
            _convolution(outputs.reduction_3x3, outputs.convolution_3x3, 3),
        ),
        nn.Sequential(
            _convolution(channels, outputs.reduction_5x5, 1),
            _convolution(outputs.reduction_5x5, outputs.convolution_5x5, 5),
        ),
        nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            _convolution(channels, outputs.pool_projection, 1),
        ),
    )


def _convolution(before: int, after: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU())
