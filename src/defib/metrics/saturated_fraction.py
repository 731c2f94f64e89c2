"""The share of activations that are saturated."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SATURATED_SLOPE = 0.0266
"""Derivative relative to its maximum at |z| = 5 for the sigmoid (4·σ(5)·σ(−5) = 0.0266) and,
since tanh(z) = 2σ(2z) − 1, at |z| = 2.5 for tanh. |z| ≥ 5 is DeepDiagnosis' bound."""


def saturated_fraction(outputs: Float[Tensor, "*shape"], kind: str) -> Float[Tensor, ""]:
    """Share of entries with a derivative under 2.66 % of its maximum, in [0, 1].

    `kind` is `sigmoid` or `tanh`, `outputs` are the activation's results.
    """
    slope = 4 * outputs * (1 - outputs) if kind == "sigmoid" else 1 - outputs * outputs
    return torch.lt(slope, SATURATED_SLOPE, out=torch.empty_like(slope)).mean()
