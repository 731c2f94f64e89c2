"""LeNet-5."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def lenet_5(
    classes: int = 10,
    *,
    activation: Callable[[], nn.Module] = nn.Tanh,
    pooling: Callable[[int], nn.Module] = nn.AvgPool2d,
    padding: int = 2,
) -> nn.Sequential:
    """LeNet-5 for 1 x 28 x 28 images (`padding=2`) or 1 x 32 x 32 images (`padding=0`).

    LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition"
    (1998), published for 32 x 32. The modern variant with 61,706 parameters: the second
    convolution sees all six maps, the poolings have no weights, and the last layer is linear
    instead of radial basis functions. ReLU and max pooling give the variant of most tutorials.
    """
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=padding),
        activation(),
        pooling(2),
        nn.Conv2d(6, 16, 5),
        activation(),
        pooling(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        activation(),
        nn.Linear(120, 84),
        activation(),
        nn.Linear(84, classes),
    )
