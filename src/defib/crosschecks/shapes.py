"""Output sizes, by running torch's layers on tensors without numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from defib.crosschecks.chain_networks import device_for, input_size, network_of
from defib.derivations.comparison import compare
from defib.derivations.shapes import Shapes
from defib.records.derivation import Check, Derivation


def checks(problem: Shapes, derivation: Derivation) -> Iterator[Check]:
    """Every size after every layer."""
    del derivation
    pairs = []
    device = device_for(problem.counted)
    signal = torch.zeros(input_size(problem.counted), device=device)
    for each, module in zip(problem.counted, network_of(problem.counted, device), strict=True):
        with torch.no_grad():
            signal = module(signal)
        after = each.after
        expected = (after[2], *after[:2]) if len(after) == 3 else after
        pairs += zip(expected, signal.shape[1:], strict=True)
    yield compare("torch", "every size, from the layers themselves", pairs)
