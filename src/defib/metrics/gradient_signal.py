"""How much of the gradient of many examples is signal, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True)
class GradientSignal:
    """In the squared unit of the gradient. `signal` is unbiased, and may be negative.

    `noise` is the trace of the covariance of the gradients of single examples, `signal` the
    squared norm of the true gradient, `signal_error` its standard error.
    """

    noise: Float[Tensor, ""]
    signal: Float[Tensor, ""]
    signal_error: Float[Tensor, ""]


def gradient_signal(products: Float[Tensor, "parts parts"], part_size: int) -> GradientSignal:
    """Noise and signal from the scalar products of the gradients of equally large parts.

    Two parts share the true gradient and nothing else: the mean product of different parts is
    |G|², that of a part with itself |G|² + tr(Σ) / b for parts of b examples. The error is the
    jackknife's, which leaves out one part after the other. At least three parts. Source:
    McCandlish, Kaplan, Amodei et al., *An Empirical Model of Large-Batch Training* (2018),
    arXiv:1812.06162, appendix A.1.
    """
    count = len(products)
    own, total = products.diagonal(), products.sum()
    pairs = total - own.sum()
    signal = pairs / (count * (count - 1))
    left_out = (pairs - 2 * (products.sum(1) - own)) / ((count - 1) * (count - 2))
    spread = (left_out - left_out.mean()).square().sum() * (count - 1) / count
    return GradientSignal((own.mean() - signal) * part_size, signal, torch.sqrt(spread))
