"""Targets that name a class by a single 1."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def is_one_hot(targets: Float[Tensor, "*batch classes"]) -> Bool[Tensor, ""]:
    """Whether every row is 0 but for a single 1."""
    is_zero_or_one = ((targets == 0) | (targets == 1)).all()
    return is_zero_or_one & (targets.sum(dim=-1) == 1).all()


def one_hot_accuracy(
    outputs: Float[Tensor, "*kept batch classes"], targets: Float[Tensor, "*kept batch classes"]
) -> Float[Tensor, "*kept"]:
    """Share of the rows whose largest output is at the 1 of the target, in [0, 1]."""
    return (outputs.argmax(dim=-1) == targets.argmax(dim=-1)).float().mean(dim=-1)
