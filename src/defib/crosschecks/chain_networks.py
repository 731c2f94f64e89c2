"""Chains of layers as networks of torch."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import nn

from defib.derivations.chain import ChainLayer, Counted

RESPONSE_NEIGHBOURS = 5
"""Channels that a local response normalisation reads; it changes no size."""


MOST_WORK = 100_000_000
"""Multiply-accumulates, or numbers, up to which a network is run with numbers: in a moment.
Tensors without numbers cost nothing, but torch takes half a second to learn about them."""


def device_for(counted: Sequence[Counted]) -> str:
    """`cpu` for a network that is soon run, else `meta`, where tensors have no numbers."""
    work = prod(counted[0].before)
    work += sum(max(each.macs.value, prod(each.after)) for each in counted)
    return "cpu" if work <= MOST_WORK else "meta"


def network_of(counted: Sequence[Counted], device: str = "meta") -> nn.Sequential:
    """The network on a device."""
    with torch.device(device):
        return nn.Sequential(*(_module(each.layer, each.before) for each in counted))


def input_size(counted: Sequence[Counted]) -> tuple[int, ...]:
    """The size of one input as torch has it: channels first."""
    shape = counted[0].before
    return (1, shape[2], *shape[:2]) if len(shape) == 3 else (1, *shape)


def _module(layer: ChainLayer, before: tuple[int, ...]) -> nn.Module:
    match layer.word:
        case "conv" | "upconv":
            kind = nn.Conv2d if layer.word == "conv" else nn.ConvTranspose2d
            return kind(
                before[2],
                layer.out,
                layer.size,
                stride=layer.stride,
                padding=layer.pad,
                dilation=layer.dilation,
                groups=layer.groups,
                bias=layer.has_bias,
            )
        case "maxpool":
            return nn.MaxPool2d(layer.size, layer.stride, layer.pad, layer.dilation)
        case "avgpool":
            return nn.AvgPool2d(layer.size, layer.stride, layer.pad)
        case "linear":
            return nn.Linear(before[0], layer.size, bias=layer.has_bias)
        case other:
            return _WITHOUT_WEIGHTS[other]()


_WITHOUT_WEIGHTS = {
    "flatten": nn.Flatten,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
    "dropout": nn.Dropout,
    "lrn": lambda: nn.LocalResponseNorm(RESPONSE_NEIGHBOURS),
}
