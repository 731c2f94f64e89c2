"""Whether the units of a layer differ."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def unit_spread(weight: Float[Tensor, "units *inputs"]) -> Float[Tensor, ""]:
    """‖W − W₀‖ / ‖W‖, with W₀ the weights of the first unit (axis 0); dimensionless, about √2.

    0 where all units have the same weights: their gradients are then the same as well, and
    gradient descent never tells them apart. `nan` for an all-zero weight.
    """
    return torch.linalg.vector_norm(weight - weight[:1]) / torch.linalg.vector_norm(weight)
