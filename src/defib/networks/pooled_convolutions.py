"""Two convolutions with poolings of different strides, for 1 x 9 x 9 images."""

from __future__ import annotations

from torch import nn


def pooled_convolutions() -> nn.Sequential:
    """Probabilities of 10 classes, through a layer of every common kind.

    The shapes, for working them out by hand: 10 x 9 x 9 after the first convolution, 10 x 3 x 3
    after its pooling, 30 x 3 x 3, 30 x 1 x 1, then 30, 20 and 10 numbers.
    """
    return nn.Sequential(
        nn.Conv2d(1, 10, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=3),
        nn.Conv2d(10, 30, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=1),
        nn.Flatten(),
        nn.Linear(30, 20),
        nn.ReLU(),
        nn.Linear(20, 10),
        nn.Softmax(dim=1),
    )
