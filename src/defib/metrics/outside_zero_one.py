"""The share of values that are no probabilities."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

ROUNDING = 1e-2
"""Distance from [0, 1], dimensionless, that rounding explains: twice that of bfloat16 at 1."""


def outside_zero_one(
    values: Float[Tensor, "*kept *shape"], kept: int = 0
) -> Float[Tensor, "*kept"]:
    """Entries below 0 or above 1 by more than `ROUNDING`, divided by all entries, in [0, 1].

    `nan` entries count as inside. `nan` for an empty tensor. One share for each entry of the
    first `kept` axes.
    """
    is_outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
    return is_outside.float().mean(dim=tuple(range(kept, values.ndim)))
