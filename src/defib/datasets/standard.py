"""Bundled data with standardised features, as plain tensors for training."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from defib.datasets.bundled import breast_cancer, digits

Examples = tuple[Tensor, Tensor]
"""Inputs (examples, features) float32, and targets."""


@cache
def standardized_tumours() -> Examples:
    """455 tumours, 30 features with mean 0 and deviation 1; targets (N, 1), 1 benign."""
    split = breast_cancer()
    center, scale = split.inputs.mean(0), split.inputs.std(0)
    return (split.inputs - center) / scale, split.targets


@cache
def standardized_tumours_held_out() -> Examples:
    """The other 114 tumours, on the scale of the first."""
    split = breast_cancer()
    center, scale = split.inputs.mean(0), split.inputs.std(0)
    return (split.validation_inputs - center) / scale, split.validation_targets


@cache
def standardized_digits() -> Examples:
    """1438 digits of 64 pixels: mean 0, deviation 1 over all pixels together; targets (N,)."""
    return _standardized_digits()[0]


@cache
def standardized_digits_held_out() -> Examples:
    """The other 359 digits, on the scale of the first."""
    return _standardized_digits()[1]


@cache
def _standardized_digits() -> tuple[Examples, Examples]:
    split = digits()
    center, scale = split.inputs.mean(), split.inputs.std()

    def flat(images: Tensor) -> Tensor:
        return torch.flatten((images - center) / scale, 1)

    return (
        (flat(split.inputs), split.targets),
        (flat(split.validation_inputs), split.validation_targets),
    )
