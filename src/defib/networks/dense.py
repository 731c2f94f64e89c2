"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


def dense_network(
    widths: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    *,
    dropout: float = 0.0,
    normalization: Callable[[int], nn.Module] | None = None,
) -> nn.Sequential:
    """Linear layers from `widths[0]` inputs to `widths[-1]` outputs; images are flattened.

    A `normalization` of so many features stands before each activation, and has the bias.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for width, next_width in pairwise(widths[:-1]):
        layers.append(nn.Linear(width, next_width, bias=normalization is None))
        if normalization is not None:
            layers.append(normalization(next_width))
        layers.append(activation())
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
