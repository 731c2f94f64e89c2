"""A small convolutional network with dropout after every stage."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def small_convnet(
    channels: tuple[int, ...] = (8, 8),
    hidden: int = 64,
    classes: int = 10,
    *,
    dropout: float = 0.0,
    edge: int = 28,
) -> nn.Sequential:
    """Scores for 1 x `edge` x `edge` images.

    For each of `channels` a convolution 3x3 with padding, max pooling 2x2 and ReLU, then a hidden
    dense layer; `dropout` follows each of them. 26,466 parameters by default.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise((1, *channels)):
        # Pooling first: the same numbers, as ReLU never falls, and a quarter of the work for ReLU.
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2)]
        layers += [nn.ReLU(), nn.Dropout(dropout)]
    last_edge = edge // 2 ** len(channels)
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(channels[-1] * last_edge**2, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )
