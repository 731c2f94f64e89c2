"""Batch normalisation without numbers, as the processor's kernel answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BATCH_NORM = torch.ops.aten.native_batch_norm.default


def batch_norm_results(
    features: Tensor, weight: Tensor | None, *others: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Result, mean and inverse deviation of the batch; the latter empty in evaluation mode.

    Torch's meta kernel never has them empty.
    """
    *_, is_training, _momentum, _epsilon = others
    statistics = (features.shape[1],) if is_training else (0,)
    dtype = features.dtype if weight is None else weight.dtype
    mean, deviation = (features.new_empty(statistics, dtype=dtype) for _ in range(2))
    return torch.empty_like(features), mean, deviation
