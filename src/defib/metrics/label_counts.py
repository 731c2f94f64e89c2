"""How often each class occurs in a batch."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def label_counts(targets: Int[Tensor, "*shape"], classes: int) -> Float[Tensor, " classes"]:
    """Number of targets of each class 0 ... `classes` − 1; all targets must be among these."""
    return torch.bincount(targets.reshape(-1), minlength=classes).float()
