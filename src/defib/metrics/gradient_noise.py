"""How much of a gradient is noise of the examples in its batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True)
class GradientNoise:
    """Unbiased estimates, in the squared unit of the gradient; one of them may be negative.

    `signal` is the squared norm of the true gradient. `noise` is the trace of the covariance
    of the gradients of single examples.
    """

    signal: Float[Tensor, ""]
    noise: Float[Tensor, ""]


def gradient_noise(
    part_squares: Float[Tensor, " parts"],
    whole_square: Float[Tensor, ""],
    part_sizes: Sequence[int],
) -> GradientNoise:
    """Signal and noise from the gradients of the parts of a batch and of the whole batch.

    `part_squares` are the squared norms of the mean gradient of each part, `whole_square` that
    of the mean gradient of all. For a batch of b examples drawn at random the expectation is
    |G|² + tr(Σ) / b; with two values of b both are known. `nan` for a single part. Source:
    McCandlish, Kaplan, Amodei et al., *An Empirical Model of Large-Batch Training* (2018),
    arXiv:1812.06162, appendix A.1.
    """
    # Parts of different sizes: the mean of |G|² + tr(Σ) / b over the parts is linear in 1 / b.
    inverse_part = sum(1 / size for size in part_sizes) / len(part_sizes)
    inverse_whole = 1 / sum(part_sizes)
    small = part_squares.mean()
    if len(part_sizes) < 2:
        return GradientNoise(small * float("nan"), small * float("nan"))
    noise = (small - whole_square) / (inverse_part - inverse_whole)
    return GradientNoise(whole_square - noise * inverse_whole, noise)
