"""How much an output depends on the example."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def batch_spread(outputs: Float[Tensor, "batch *rest"]) -> Float[Tensor, ""]:
    """Standard deviation over the batch, in the root mean square over all other axes.

    Estimated from the differences of neighbouring examples, ‖x₁ − x₀, x₂ − x₁, …‖ / √(2n),
    which is exactly 0 where every example gives the same output; the usual formula would
    leave a rounding error. `nan` for a batch of one.
    Source: von Neumann et al., "The mean square successive difference" (1941).
    """
    if outputs.ndim == 0 or outputs.shape[0] < 2:
        return outputs.new_full((), torch.nan)
    differences = outputs[1:] - outputs[:-1]
    return torch.linalg.vector_norm(differences) / (2 * differences.numel()) ** 0.5
