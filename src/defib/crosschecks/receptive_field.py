"""The receptive field, by which input positions get a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import nn

from defib.derivations.chain import CONVOLUTION, SAME, ChainLayer
from defib.derivations.comparison import compare
from defib.derivations.receptive_field import ReceptiveField
from defib.records.derivation import Check, Derivation

LONGEST_INPUT = 200_000
"""Positions; a longer field is not put through autograd."""


def checks(problem: ReceptiveField, derivation: Derivation) -> Iterator[Check]:
    """The span of the positions with a gradient, along one axis, with weights of one."""
    size = int(Fraction(derivation.results["receptive field"]))
    if size > LONGEST_INPUT:
        return
    layers = [_layer(layer) for layer in problem.chain if layer.kind != SAME]
    signal = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    output = signal
    for layer in layers:
        output = layer(output)
    output.flatten()[0].backward()
    assert signal.grad is not None
    reached = signal.grad.flatten().nonzero().flatten()
    span = int(reached.max() - reached.min()) + 1
    pairs = [(size, span), (1, output.numel())]
    yield compare(
        "autograd", "the span of the inputs with a gradient; the one output that fits", pairs
    )


def _layer(layer: ChainLayer) -> nn.Module:
    if layer.kind == CONVOLUTION:
        module = nn.Conv1d(
            1,
            1,
            layer.size,
            stride=layer.stride,
            dilation=layer.dilation,
            bias=False,
            dtype=torch.float64,
        )
        nn.init.ones_(module.weight)
        return module
    # Of a maximum only one position gets a gradient: the average depends on the same positions.
    return nn.AvgPool1d(layer.size, layer.stride)
