"""The identity and the slopes, by torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from defib.derivations.comparison import compare
from defib.derivations.tanh_sigmoid import TanhSigmoid
from defib.records.derivation import Check, Derivation


def checks(problem: TanhSigmoid, derivation: Derivation) -> Iterator[Check]:
    """tanh(z) and 2σ(2z) − 1 on a grid, and both slopes at 0 by autograd."""
    del problem
    grid = torch.linspace(-20, 20, 401, dtype=torch.float64)
    pairs = zip(torch.tanh(grid).tolist(), (2 * torch.sigmoid(2 * grid) - 1).tolist(), strict=True)
    yield compare("torch", "both sides of the identity on a grid", pairs, tolerance=1e-14)
    slopes = []
    for name, function in (("tanh", torch.tanh), ("sigmoid", torch.sigmoid)):
        zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
        function(zero).backward()
        assert zero.grad is not None
        slopes.append((float(derivation.results[f"slope of {name} at 0"]), float(zero.grad)))
    yield compare("autograd", "both slopes at 0", slopes)
