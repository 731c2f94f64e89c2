"""How often each class occurs in a batch."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def label_counts(
    targets: Int[Tensor, "*shape"], classes: int, ignored: int | None = None
) -> Float[Tensor, " classes"]:
    """Number of targets of each class 0 ... `classes` − 1; `ignored` and negative ones left out."""
    flat = targets.reshape(-1)
    keep = (flat >= 0) & (flat < classes)
    if ignored is not None:
        keep &= flat != ignored
    return torch.bincount(flat[keep], minlength=classes).float()
