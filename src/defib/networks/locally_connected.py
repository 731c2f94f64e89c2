"""Layers that connect windows as a convolution does, without sharing the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class LocallyConnected2d(nn.Module):
    """An unpadded convolution with weights and a bias of its own at every place.

    For inputs [N, channels, height, width] of the one size that it was made for; the weights are
    [places, maps, channels · kernel²], drawn as torch draws those of a convolution. LeCun (1989),
    "Generalization and Network Design Strategies".
    """

    def __init__(
        self, channels: int, maps: int, *, kernel: int, stride: int, size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.size = tuple((edge - kernel) // stride + 1 for edge in size)
        inputs, places = channels * kernel**2, math.prod(self.size)
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(places, maps, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(maps, places).uniform_(-bound, bound))

    def share(self, convolution: nn.Conv2d) -> None:
        """Take the weights of a convolution of the same geometry at every place."""
        with torch.no_grad():
            self.weight.copy_(convolution.weight.flatten(1).expand_as(self.weight))
            if convolution.bias is not None:
                self.bias.copy_(convolution.bias[:, None].expand_as(self.bias))

    def forward(self, images: Tensor) -> Tensor:
        windows = functional.unfold(images, self.kernel, stride=self.stride)
        # One product of matrices for each place.
        features = torch.einsum("nip,pmi->nmp", windows, self.weight) + self.bias
        return features.unflatten(2, self.size)


def convolutional_stack(channels: Sequence[int], outputs: int, *, edge: int) -> nn.Sequential:
    """5 x 5 convolutions of stride 2 without padding, ReLUs, a linear layer.

    `channels` begins with those of the images, whose sides are `edge` pixels.
    """
    layers: list[nn.Module] = []
    for before, after, _ in _stages(channels, edge):
        layers += [nn.Conv2d(before, after, 5, stride=2), nn.ReLU()]
    return _ended(layers, channels, outputs, edge)


def locally_connected_stack(channels: Sequence[int], outputs: int, *, edge: int) -> nn.Sequential:
    """`convolutional_stack` without sharing."""
    layers: list[nn.Module] = []
    for before, after, side in _stages(channels, edge):
        size = (side, side)
        layers += [LocallyConnected2d(before, after, kernel=5, stride=2, size=size), nn.ReLU()]
    return _ended(layers, channels, outputs, edge)


def dense_stack(channels: Sequence[int], outputs: int, *, edge: int) -> nn.Sequential:
    """Dense layers with as many units as `convolutional_stack` has, layer by layer."""
    widths = [channels[0] * edge**2]
    layers: list[nn.Module] = [nn.Flatten()]
    for _, after, side in _stages(channels, edge):
        widths.append(after * _after(side) ** 2)
        layers += [nn.Linear(widths[-2], widths[-1]), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def _stages(channels: Sequence[int], edge: int) -> list[tuple[int, int, int]]:
    """Channels before and after each layer, and the side of what comes into it."""
    found: list[tuple[int, int, int]] = []
    for before, after in pairwise(channels):
        found.append((before, after, edge))
        edge = _after(edge)
    return found


def _ended(
    layers: list[nn.Module], channels: Sequence[int], outputs: int, edge: int
) -> nn.Sequential:
    for _ in channels[1:]:
        edge = _after(edge)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * edge**2, outputs))


def _after(edge: int) -> int:
    return (edge - 5) // 2 + 1
