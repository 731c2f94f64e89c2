"""How often each class occurs in a batch."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def label_counts(
    targets: Int[Tensor, "*kept shape"], classes: int, kept: int = 0
) -> Float[Tensor, "*kept classes"]:
    """Number of targets of each class 0 ... `classes` − 1; all targets must be among these.

    One count for each entry of the first `kept` axes.
    """
    return counted(targets, classes, kept).float()


def counted(
    places: Int[Tensor, "*kept shape"], count: int, kept: int = 0
) -> Int[Tensor, "*kept count"]:
    """How often each of 0 ... `count` − 1 occurs behind the first `kept` axes."""
    if kept == 0:
        return torch.bincount(places.reshape(-1), minlength=count)
    several = places.shape[:kept]
    rows = places.reshape(math.prod(several), -1)
    # One count for all rows, in which each has places of its own.
    own = rows + count * torch.arange(len(rows), device=rows.device)[:, None]
    return torch.bincount(own.reshape(-1), minlength=len(rows) * count).view(*several, count)
