"""The average of all subnetworks, by torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from defib.derivations.comparison import compare
from defib.derivations.dropout_ensemble import DropoutEnsemble
from defib.records.derivation import Check, Derivation


def checks(problem: DropoutEnsemble, derivation: Derivation) -> Iterator[Check]:
    """Every mask at once, and the mean of torch's inverted dropout over many draws."""
    units = torch.tensor([float(u) for u in problem.units], dtype=torch.float64)
    bias, keep = (float(each) for each in problem.numbers)
    masks = torch.tensor(problem.masks, dtype=torch.float64)
    likely = (masks * keep + (1 - masks) * (1 - keep)).prod(dim=1)
    outputs = masks @ units + bias
    pairs = [
        (float(derivation.results["average output"]), float(likely @ outputs)),
        (float(derivation.results["average after a ReLU"]), float(likely @ outputs.relu())),
    ]
    yield compare("torch", "both averages over all masks", pairs, tolerance=1e-9)
    full = units.sum() + bias
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        draws = F.dropout(units.expand(20_000, -1), p=1 - keep).sum(dim=1) + bias
    error = float(draws.std()) / len(draws) ** 0.5
    yield compare(
        "torch",
        "the mean of inverted dropout over 20,000 draws and the network without dropout",
        [(float(full), float(draws.mean()))],
        tolerance=5 * error + 1e-9,
    )
