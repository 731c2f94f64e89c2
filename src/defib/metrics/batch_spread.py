"""How much an output depends on the example."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def batch_spread(
    outputs: Float[Tensor, "*kept batch *rest"], kept: int = 0
) -> Float[Tensor, "*kept"]:
    """Standard deviation over the batch, in the root mean square over all other axes.

    Estimated from the differences of neighbouring examples, ‖x₁ − x₀, x₂ − x₁, …‖ / √(2n),
    which is exactly 0 where every example gives the same output; the usual formula would
    leave a rounding error. `nan` for a batch of one. The first `kept` axes are no part of a batch:
    there is one result for each of their entries.
    Source: von Neumann et al., "The mean square successive difference" (1941).
    """
    several = outputs.shape[:kept]
    if outputs.ndim == kept or outputs.shape[kept] < 2:
        return outputs.new_full(several, torch.nan)
    pairs = outputs.shape[kept] - 1
    differences = outputs.narrow(kept, 1, pairs) - outputs.narrow(kept, 0, pairs)
    axes = tuple(range(kept, outputs.ndim))
    scale = (2 * math.prod(differences.shape[kept:])) ** 0.5
    return torch.linalg.vector_norm(differences, dim=axes) / scale
