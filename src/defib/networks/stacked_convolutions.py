"""Equal convolutions, one on the other."""

from __future__ import annotations

from torch import nn


def stacked_convolutions(count: int, kernel: int, *, channels: int = 1) -> nn.Sequential:
    """`count` unpadded convolutions and nothing else.

    An output sees a square of count · kernel − count + 1 pixels a side.
    """
    return nn.Sequential(*(nn.Conv2d(channels, channels, kernel) for _ in range(count)))
