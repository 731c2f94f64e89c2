"""Moments of a tensor as plain numbers; the only file here that moves numbers off the device."""

from __future__ import annotations

import torch
from torch import Tensor

from defib.analysis.signal_propagation.results import Moments


def moments(values: Tensor) -> Moments:
    """Mean, variance (divided by n) and second moment, summed in double precision.

    Doubles because squares overflow in single precision from 1.8e19 on, which exploding
    networks reach.
    """
    values = values.detach()
    # Apple's devices have no doubles.
    kind = torch.float32 if values.device.type == "mps" else torch.float64
    mean = values.mean(dtype=kind)
    second = torch.linalg.vector_norm(values, dtype=kind).square() / values.numel()
    variance = torch.clamp(second - mean.square(), min=0)
    numbers = torch.stack([mean, variance, second]).tolist()
    return Moments(*numbers)
