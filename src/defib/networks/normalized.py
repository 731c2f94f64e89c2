"""A convolutional network with batch normalisation."""

from __future__ import annotations

from torch import nn


def normalized_network(classes: int = 10, *, channels: int = 8) -> nn.Sequential:
    """Three convolutions with batch normalisation and in-place ReLU, then global pooling."""
    layers: list[nn.Module] = []
    for before, after, stride in ((1, channels, 1), (channels, 16, 2), (16, 32, 2)):
        layers += [
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes))
