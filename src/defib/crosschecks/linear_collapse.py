"""The layers one by one, by torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from defib.derivations.comparison import compare
from defib.derivations.linear_collapse import LinearCollapse
from defib.records.derivation import Check, Derivation


def checks(problem: LinearCollapse, derivation: Derivation) -> Iterator[Check]:
    """A `Sequential` of linear layers on random points, against the product."""
    layers = []
    for weights, biases in problem.layers:
        layer = nn.Linear(2, 2, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[float(x) for x in row] for row in weights.tolist()]))
            layer.bias.copy_(torch.tensor([float(x) for x in biases]))
        layers.append(layer)
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(50, 2, dtype=torch.float64, generator=generator)
    names = [[f"M_{i}{j}" for j in (1, 2)] for i in (1, 2)]
    matrix = torch.tensor(
        [[float(derivation.results[name]) for name in row] for row in names], dtype=torch.float64
    )
    bias = torch.tensor([float(derivation.results[f"c_{i}"]) for i in (1, 2)], dtype=torch.float64)
    found = nn.Sequential(*layers)(points)
    expected = points @ matrix.T + bias
    pairs = zip(expected.flatten().tolist(), found.flatten().tolist(), strict=True)
    scale = float(expected.detach().abs().max())
    yield compare(
        "torch", "the layers one by one and the product", pairs, tolerance=1e-12 * max(1.0, scale)
    )
