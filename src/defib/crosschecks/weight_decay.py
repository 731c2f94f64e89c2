"""Penalty and decay by torch's own optimisers."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from defib.derivations.comparison import compare
from defib.derivations.weight_decay import WeightDecay
from defib.records.derivation import Check, Derivation

TOLERANCE = 1e-12
WITHOUT_EPSILON = 1e-6
"""torch's Adam adds ε = 1e-8, which the derivation leaves out: 1e-7 for a gradient of 0.1."""


def checks(problem: WeightDecay, derivation: Derivation) -> Iterator[Check]:
    """One step of SGD with `weight_decay`, and Adam's and AdamW's first steps."""
    rate, decay = (float(problem.values()[name]) for name in ("lr", "wd"))
    exact = [float(derivation.results[name]) for name in ("descent", "adam with l2", "adamw")]
    kinds = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
    found = []
    for kind in kinds:
        weight = torch.nn.Parameter(torch.tensor(float(problem.values()["w"]), dtype=torch.float64))
        weight.grad = torch.tensor(float(problem.both_gradients()[0]), dtype=torch.float64)
        kind([weight], lr=rate, weight_decay=decay).step()
        found.append(float(weight.detach()))
    yield compare(
        "torch.optim.SGD", "the weight after a step", [(exact[0], found[0])], tolerance=TOLERANCE
    )
    yield compare(
        "torch.optim.Adam and AdamW",
        "the weight after the first step",
        zip(exact[1:], found[1:], strict=True),
        tolerance=WITHOUT_EPSILON * max(1.0, rate),
    )
