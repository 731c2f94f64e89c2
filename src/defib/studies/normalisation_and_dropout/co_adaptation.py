"""Co-adaptation: how much the hidden units of a network depend on one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from defib.studies.normalisation_and_dropout.layer_features import features_by_layer


def unit_correlation(features: Tensor) -> float:
    """Mean absolute correlation between the units [examples, units], over all pairs, in [0, 1].

    Units that never change are left out; `nan` if fewer than two are left.
    """
    deviations = features.double() - features.double().mean(0)
    norms = deviations.norm(dim=0)
    known = deviations[:, norms > 0] / norms[norms > 0]
    count = known.shape[1]
    if count < 2:
        return float("nan")
    correlations = (known.T @ known).abs()
    return float((correlations.sum() - correlations.diagonal().sum()) / (count * (count - 1)))


def accuracy_without(
    network: nn.Sequential,
    images: Tensor,
    labels: Tensor,
    layers: dict[str, float],
    *,
    generator: torch.Generator,
) -> float:
    """Share classified rightly when some units put out 0, the same for all images.

    `layers` says which share of the units of which layers is removed, by lot. The others keep
    their weights, which are not scaled up. The network is left in evaluation mode.
    """
    network.eval()

    def removed(name: str, features: Tensor) -> Tensor:
        if name not in layers:
            return features
        count = features.shape[1]
        order = torch.randperm(count, generator=generator).to(features.device)
        kept = (order >= round(layers[name] * count)).to(features.dtype)
        return features * kept.view(1, -1, *[1] * (features.dim() - 2))

    scores = list(features_by_layer(network, images, removed).values())[-1]
    return float((scores.argmax(dim=1) == labels).double().mean())
