"""Variance shift: dropout before batch normalisation makes it expect more variance than it gets.

Dropout with retain probability p adds (1 − p)/p·Σ w²·E[x²] to the variance of Σ w·x while a network
is trained, and nothing in evaluation (Li and others, 2018, arXiv:1801.05134).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from defib.studies.normalisation_and_dropout.layer_features import (
    NETWORK_INPUT,
    by_channel,
    features_by_layer,
    set_modes,
)


@final
@dataclass(frozen=True)
class Shift:
    """Variance of a normalisation's input in evaluation over another: means over the channels.

    Over that which it `remembered`; over that with the nearest dropout on, alone, as measured
    (`own_noise`) and as the formula says (`predicted`). The last two are 1 where there is none.
    The means are geometric.
    """

    layer: str
    remembered: float
    own_noise: float
    predicted: float


def variance_shifts(network: nn.Sequential, images: Tensor) -> tuple[Shift, ...]:
    """Of each batch normalisation after a layer with weights; the network is left in evaluation.

    Draws the noise of `own_noise` from torch's global random state.
    """
    network.eval()
    features = features_by_layer(network, images)
    names = [NETWORK_INPUT, *(name for name, _ in network.named_children())]
    found: list[Shift] = []
    for source, before, name in zip(names, names[1:], names[2:], strict=False):
        weighted, normalization = network.get_submodule(before), network.get_submodule(name)
        if not isinstance(normalization, _BatchNorm):
            continue
        assert isinstance(weighted, nn.Conv2d | nn.Linear)
        assert normalization.running_var is not None
        now = by_channel(features[before]).var(1, correction=0)
        rate = _rate(network, source)
        noise = dropout_noise(weighted, features[source], rate)
        with torch.no_grad():
            noisy = weighted(functional.dropout(features[source], rate))
        found.append(
            Shift(
                name,
                _geometric_mean(now / normalization.running_var),
                _geometric_mean(now / by_channel(noisy).var(1, correction=0)),
                _geometric_mean(now / (now + noise)),
            )
        )
    return tuple(found)


def dropout_noise(layer: nn.Conv2d | nn.Linear, inputs: Tensor, rate: float) -> Tensor:
    """Variance [channels] that dropout of `rate` right before the layer adds to its outputs.

    (1 − p)/p·Σ w²·E[x²] with p = 1 − rate, exactly; the mean over all places for a convolution.
    """
    squares = (inputs**2).mean(0, keepdim=True)
    factor = rate / (1 - rate)
    with torch.no_grad():
        if isinstance(layer, nn.Linear):
            return factor * functional.linear(squares, layer.weight**2)[0]
        noise = functional.conv2d(
            squares, layer.weight**2, stride=layer.stride, padding=layer.padding
        )
    return factor * noise.mean((0, 2, 3))


def reestimate(network: nn.Module, images: Tensor) -> None:
    """Let batch normalisation remember statistics without dropout, of all `images` at once."""
    set_modes(network, batch_statistics=True, dropout=False)
    layers = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    momenta = [each.momentum for each in layers]
    for layer in layers:
        # 1: what was remembered before is forgotten.
        layer.momentum = 1.0
    with torch.no_grad():
        network(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _rate(network: nn.Sequential, name: str) -> float:
    """Of a dropout; 0 for another layer, and for the input."""
    layer = None if name == NETWORK_INPUT else network.get_submodule(name)
    return layer.p if isinstance(layer, nn.Dropout) else 0.0


def _geometric_mean(values: Tensor) -> float:
    return float(values.log().mean().exp())
