"""Internal covariate shift: how far the distribution of a layer's input moves in training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from defib.studies.normalisation_and_dropout.layer_features import (
    by_channel,
    features_by_layer,
    set_modes,
)


@final
@dataclass(frozen=True, eq=False)
class Spread:
    """Mean and standard deviation [channels] of a layer's input."""

    mean: Tensor
    deviation: Tensor


def input_spreads(network: nn.Sequential, images: Tensor) -> dict[str, Spread]:
    """Of each layer with weights, by name, as it sees these images while it is trained.

    Batch normalisation takes the statistics of `images`; dropout is off, so that its noise is not
    taken for a shift. Leaves the network in that mode, with its running statistics moved.
    """
    set_modes(network, batch_statistics=True, dropout=False)
    features = features_by_layer(network, images)
    found: dict[str, Spread] = {}
    for before, name in pairwise(features):
        if isinstance(network.get_submodule(name), nn.Conv2d | nn.Linear):
            values = by_channel(features[before])
            found[name] = Spread(values.mean(1), values.std(1, correction=0))
    return found


def drift(before: Spread, after: Spread) -> float:
    """Distance between two distributions of a layer's input, in standard deviations.

    √(mean of (Δμ)² + (Δσ)² over the channels / mean of σ²), σ before: for normal distributions the
    Wasserstein distance W₂ of a channel, here its root mean square. `nan` if every σ is 0.
    """
    moved = (after.mean - before.mean) ** 2 + (after.deviation - before.deviation) ** 2
    scale = (before.deviation**2).mean()
    return float(torch.sqrt(moved.mean() / scale)) if scale > 0 else float("nan")
