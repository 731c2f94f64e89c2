"""How often each class occurs, and how often it is recognised."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from defib.metrics.label_counts import counted

MAXIMUM_CLASSES = 1000
"""Classes that are counted one by one."""


def recognized_of_each_class(
    guesses: Int[Tensor, "*kept shape"],
    labels: Int[Tensor, "*kept shape"],
    classes: int,
    kept: int = 0,
) -> Int[Tensor, "*kept classes 2"] | None:
    """Of each class 0 ... `classes` − 1 how many examples are missed, and how many recognised.

    Labels outside of these mark what the loss leaves out. `None` for a single class, and for
    more than `MAXIMUM_CLASSES`. One table for each entry of the first `kept` axes.
    """
    if not 1 < classes <= MAXIMUM_CLASSES:
        return None
    # One count for all: evaluations call this for every batch. What is left out comes first,
    # or behind the last class.
    places = torch.add(guesses == labels, labels.clamp(-1, classes) + 1, alpha=2)
    counts = counted(places, 2 * classes + 4, kept)
    return counts[..., 2 : 2 * classes + 2].unflatten(-1, (classes, 2))


def balanced_accuracy(tallies: Int[Tensor, "classes 2"]) -> Float[Tensor, ""]:
    """Mean over the classes that occur of the share of their examples that is recognised.

    In [0, 1]; 1 / classes for a constant answer. `nan` where no class occurs.
    Source: Brodersen et al., *The Balanced Accuracy and Its Posterior Distribution* (2010).
    """
    # Classes that do not occur have 0 / 0, which is left out.
    return (tallies[:, 1] / tallies.sum(dim=1)).nanmean()
