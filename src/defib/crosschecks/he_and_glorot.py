"""The standard deviations that torch's own initialisations use."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from defib.derivations.comparison import compare
from defib.derivations.he_and_glorot import HeAndGlorot
from defib.records.derivation import Check, Derivation

MOST_WEIGHTS = 4_000_000


def checks(problem: HeAndGlorot, derivation: Derivation) -> Iterator[Check]:
    """Variances measured on a drawn layer, within five standard errors."""
    shape = (problem.fan_out, problem.fan_in)
    if shape[0] * shape[1] > MOST_WEIGHTS:
        return
    slope = float(problem.negative_slope())
    generator = torch.Generator().manual_seed(0)
    drawn = {
        "He": nn.init.kaiming_normal_(
            torch.empty(shape, dtype=torch.float64), a=slope, generator=generator
        ),
        "Glorot": nn.init.xavier_normal_(
            torch.empty(shape, dtype=torch.float64), generator=generator
        ),
        "torch's Linear": nn.init.kaiming_uniform_(
            torch.empty(shape, dtype=torch.float64), a=5**0.5, generator=generator
        ),
    }
    pairs = [
        (1.0, float((weights**2).mean()) / float(derivation.results[name]))
        for name, weights in drawn.items()
    ]
    # The relative standard error of a mean of n squared normal numbers is sqrt(2/n).
    error = (2 / (shape[0] * shape[1])) ** 0.5
    yield compare(
        "torch.nn.init",
        "the mean square of drawn weights over the variance above",
        pairs,
        tolerance=5 * error,
    )
