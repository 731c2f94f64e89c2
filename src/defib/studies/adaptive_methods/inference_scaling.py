"""Dropout as first published, with weights scaled for inference, beside inverted dropout.

Inverted dropout (torch's) divides what is kept by the retain probability k while it trains, and
does nothing in evaluation. As first published (Srivastava and others, 2014), dropout divides
nothing, and the weights behind it are multiplied by k for inference. A network with inverted
dropout and weights W is a network with the published dropout and weights W/k: the same outputs for
the same masks, and in evaluation, with the weights scaled, k·(W/k) = W.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional


@final
class PublishedDropout(nn.Module):
    """Puts 0 in the place of a share of its inputs while training; scales nothing."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return inputs
        # torch's own draw: for the same random state the same inputs are dropped as by `Dropout`.
        return inputs * (functional.dropout(torch.ones_like(inputs), self.rate) > 0)


def with_published_dropout(network: nn.Sequential) -> nn.Sequential:
    """The network with published dropout that is equal to this one with torch's: weights W/k."""
    found = copy.deepcopy(network)
    for at, rate, layer in _dropouts(found):
        found[at] = PublishedDropout(rate)
        _scale(layer, 1 / (1 - rate))
    return found


def scaled_for_inference(network: nn.Sequential) -> nn.Sequential:
    """A network with published dropout, ready for inference: weights behind it times k."""
    found = copy.deepcopy(network)
    for at, rate, layer in _dropouts(found):
        found[at] = nn.Identity()
        _scale(layer, 1 - rate)
    return found.eval()


def _dropouts(network: nn.Sequential) -> Iterator[tuple[int, float, nn.Module]]:
    """Where each dropout stands, its rate, and the next layer with weights."""
    layers = list(network)
    for at, layer in enumerate(layers):
        if isinstance(layer, nn.Dropout | PublishedDropout):
            rate = layer.p if isinstance(layer, nn.Dropout) else layer.rate
            yield at, rate, next(each for each in layers[at:] if hasattr(each, "weight"))


def _scale(layer: nn.Module, factor: float) -> None:
    with torch.no_grad():
        layer.get_parameter("weight").mul_(factor)
