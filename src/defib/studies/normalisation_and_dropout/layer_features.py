"""What each layer of a network puts out, and networks set between training and evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

NETWORK_INPUT = "input"
"""The name under which the images themselves stand."""


def unchanged(_name: str, features: Tensor) -> Tensor:
    """What a layer put out, as it is."""
    return features


def features_by_layer(
    network: nn.Sequential,
    images: Tensor,
    change: Callable[[str, Tensor], Tensor] = unchanged,
) -> dict[str, Tensor]:
    """The output of each layer by its name, in the network's present mode and without gradients.

    `change` may put something else in the place of a layer's output, which goes on to the next.
    """
    features = {NETWORK_INPUT: images}
    with torch.no_grad():
        current = images
        for name, layer in network.named_children():
            current = change(name, layer(current))
            features[name] = current
    return features


def set_modes(network: nn.Module, *, batch_statistics: bool, dropout: bool) -> None:
    """Let batch normalisation use the batch's own statistics, and dropout drop, or not."""
    network.eval()
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.train(batch_statistics)
        elif isinstance(layer, nn.Dropout):
            layer.train(dropout)


def by_channel(features: Tensor) -> Tensor:
    """[channels, values]: all examples and places of a channel, or all examples of a unit."""
    return features.transpose(0, 1).flatten(1)
