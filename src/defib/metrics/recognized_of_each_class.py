"""How often each class occurs, and how often it is recognised."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

MAXIMUM_CLASSES = 1000
"""Classes that are counted one by one."""


def recognized_of_each_class(
    guesses: Int[Tensor, "*shape"], labels: Int[Tensor, "*shape"], classes: int
) -> Int[Tensor, "classes 2"] | None:
    """Of each class 0 ... `classes` − 1 how many examples are missed, and how many recognised.

    Labels outside of these mark what the loss leaves out. `None` for a single class, and for
    more than `MAXIMUM_CLASSES`.
    """
    if not 1 < classes <= MAXIMUM_CLASSES:
        return None
    # One count for all: evaluations call this for every batch. What is left out comes first,
    # or behind the last class.
    places = torch.add(guesses == labels, labels.clamp(min=-1) + 1, alpha=2)
    counts = torch.bincount(places.reshape(-1), minlength=2 * classes + 2)
    return counts[2 : 2 * classes + 2].view(classes, 2)


def balanced_accuracy(tallies: Int[Tensor, "classes 2"]) -> Float[Tensor, ""]:
    """Mean over the classes that occur of the share of their examples that is recognised.

    In [0, 1]; 1 / classes for a constant answer. `nan` where no class occurs.
    Source: Brodersen et al., *The Balanced Accuracy and Its Posterior Distribution* (2010).
    """
    # Classes that do not occur have 0 / 0, which is left out.
    return (tallies[:, 1] / tallies.sum(dim=1)).nanmean()
