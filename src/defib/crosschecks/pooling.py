"""Pooling by torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from defib.derivations.comparison import compare
from defib.derivations.pooling import Pooling
from defib.records.derivation import Check, Derivation


def checks(problem: Pooling, derivation: Derivation) -> Iterator[Check]:
    """Every output of every picture."""
    del derivation
    pairs = []
    for rows in problem.pictures.values():
        numbers = [[float(each) for each in row] for row in rows]
        picture = torch.tensor(numbers, dtype=torch.float64)[None]
        found = {
            "average": F.avg_pool2d(picture, problem.size, problem.step),
            "maximum": F.max_pool2d(picture, problem.size, problem.step),
        }
        for kind, pooled in problem.pooled(rows).items():
            exact = [float(each) for row in pooled for each in row]
            pairs += zip(exact, found[kind].flatten().tolist(), strict=True)
    yield compare("torch", "both poolings of every picture", pairs, tolerance=1e-12)
