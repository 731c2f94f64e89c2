"""Small networks that answer yes or no from a 3 x 45 x 45 screenshot of a question."""

from __future__ import annotations

from torch import nn

from defib.networks.dense import dense_network


def screenshot_dense_network(outputs: int = 1, *, width: int = 100) -> nn.Sequential:
    """Two hidden dense layers of `width` units on the 6,075 numbers of a screenshot."""
    return dense_network((3 * 45 * 45, width, width, outputs))


def screenshot_convolutional_network(outputs: int = 1, *, channels: int = 100) -> nn.Sequential:
    """Three unpadded 5 x 5 convolutions of stride 2, then a dense layer.

    The maps are 21 x 21, 9 x 9 and 3 x 3. With the defaults 508,400 weights, biases not counted.
    """
    return nn.Sequential(
        nn.Conv2d(3, channels, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(channels * 3 * 3, outputs),
    )
