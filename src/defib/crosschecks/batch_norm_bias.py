"""A bias before torch's batch normalisation: its gradient, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from defib.derivations.batch_norm_bias import BatchNormBias
from defib.derivations.comparison import compare
from defib.derivations.reading import numbers
from defib.records.derivation import Check, Derivation

TOLERANCE = 1e-12


def checks(problem: BatchNormBias, derivation: Derivation) -> Iterator[Check]:
    """The outputs with both biases, and the gradient of a loss that uses all outputs."""
    del derivation
    inputs = torch.tensor([[float(x)] for x in problem.inputs], dtype=torch.float64)
    [weight] = numbers(problem.weight, "--weight", count=1)
    found = []
    gradients = []
    for value in problem.both:
        bias = torch.tensor(float(value), dtype=torch.float64, requires_grad=True)
        normalized = nn.BatchNorm1d(1, dtype=torch.float64)(float(weight) * inputs + bias)
        (normalized**3).sum().backward()
        assert bias.grad is not None
        found.append(normalized.flatten().tolist())
        gradients.append(float(bias.grad))
    yield compare(
        "torch", "every output with both biases", zip(*found, strict=True), tolerance=1e-9
    )
    yield compare(
        "autograd",
        "the gradient by the bias is 0",
        [(0.0, each) for each in gradients],
        tolerance=TOLERANCE * max(1.0, *map(abs, found[0])) ** 3 * len(problem.inputs),
    )
