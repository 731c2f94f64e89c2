"""Two convolutions whose maps are halved by pooling or by a stride."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import nn


def downsampling_network(
    pooling: Callable[[int], nn.Module] | None,
    *,
    channels: tuple[int, int] = (8, 16),
    classes: int = 10,
    edge: int = 28,
) -> nn.Sequential:
    """Scores for 1 x `edge` x `edge` images, through two stages and a dense layer;
    `edge` is divisible by 4.

    A stage is a convolution 3x3 with padding, ReLU and `pooling(2)`; without pooling the
    convolution has a stride of 2. Either way maps and parameters are the same in number.
    """
    stages = [
        nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, stride=2 if pooling is None else 1),
            nn.ReLU(),
            *(() if pooling is None else (pooling(2),)),
        )
        for before, after in pairwise((1, *channels))
    ]
    size = channels[-1] * (edge // 4) ** 2
    return nn.Sequential(*stages, nn.Sequential(nn.Flatten(), nn.Linear(size, classes)))
