"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


def dense_network(
    widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, *, dropout: float = 0.0
) -> nn.Sequential:
    """Linear layers from `widths[0]` inputs to `widths[-1]` outputs; images are flattened."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width, next_width in pairwise(widths[:-1]):
        layers += [nn.Linear(width, next_width), activation()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
