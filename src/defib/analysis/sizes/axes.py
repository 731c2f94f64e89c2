"""Names of the dimensions of a tensor, as a lecturer would call them."""

from __future__ import annotations

from defib.analysis.window import AXES
from defib.records.architecture import OutputSize
from defib.records.expression import Expression, Integer


def axis_names(dimensions: int) -> tuple[str, ...]:
    """Names of all dimensions but the first, the batch: `channels`, `height`, `width`."""
    if dimensions < 2:
        return ()
    if dimensions == 2:
        return ("features",)
    if dimensions - 2 in AXES:
        return ("channels", *AXES[dimensions - 2])
    return tuple(f"dimension {index}" for index in range(1, dimensions))


def map_sizes(channels: Expression, spatial: dict[str, Expression]) -> tuple[OutputSize, ...]:
    """Sizes of a map: its channels, then its spatial axes."""
    return (
        OutputSize("channels", channels),
        *(OutputSize(name, expression) for name, expression in spatial.items()),
    )


def labelled(size: int, name: str) -> Integer:
    """A size of the input."""
    return Integer(size, f"input {name}")
