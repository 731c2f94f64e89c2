"""The smallest XOR network, as a network of torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from defib.derivations.comparison import compare
from defib.derivations.xor import POINTS, Xor, network_output
from defib.records.derivation import Check, Derivation


def checks(problem: Xor, derivation: Derivation) -> Iterator[Check]:
    """Its output on all four inputs."""
    del derivation
    if not problem.searched[2]:
        return
    hidden, weights, bias = network = problem.searched[2][0]
    first, last = nn.Linear(2, len(hidden)), nn.Linear(len(hidden), 1)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([unit[:2] for unit in hidden]))
        first.bias.copy_(torch.tensor([unit[2] for unit in hidden]))
        last.weight.copy_(torch.tensor([weights]))
        last.bias.fill_(bias)
    outputs = nn.Sequential(first, nn.ReLU(), last, nn.ReLU())(torch.tensor(POINTS).float())
    expected = [network_output(network, point) for point in POINTS]
    yield compare(
        "torch", "the smallest network", zip(expected, outputs.flatten().tolist(), strict=True)
    )
