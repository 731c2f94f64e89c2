"""The gradient of torch's cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from defib.derivations.comparison import compare
from defib.derivations.softmax_cross_entropy import SoftmaxCrossEntropy
from defib.records.derivation import Check, Derivation


def checks(problem: SoftmaxCrossEntropy, derivation: Derivation) -> Iterator[Check]:
    """Every derivative by a score."""
    del derivation
    numbers = [float(each) for each in problem.vector]
    scores = torch.tensor([numbers], dtype=torch.float64, requires_grad=True)
    F.cross_entropy(scores, torch.tensor([problem.target - 1])).backward()
    assert scores.grad is not None
    pairs = zip((float(each) for each in problem.gradient), scores.grad[0].tolist(), strict=True)
    yield compare("autograd", "the derivative by every score", pairs, tolerance=1e-12)
