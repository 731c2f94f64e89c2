"""A part of a batch that is enough for its statistics."""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor

LARGEST = 1 << 18
"""Elements: a standard deviation from 262,144 values is good to 0.2 %, and 1 MB stays in cache."""


def excerpt(
    batch: Shaped[Tensor, "batch *rest"], largest: int = LARGEST
) -> Shaped[Tensor, "part *rest"]:
    """The first examples of a batch, at least two, as many as fit into `largest` elements."""
    if batch.numel() <= largest:
        return batch
    return batch[: max(2, largest * batch.shape[0] // batch.numel())]
