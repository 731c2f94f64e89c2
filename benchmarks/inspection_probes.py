"""Networks of one layer or two on which tools that count disagree, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Probe:
    """One question, and the answer by hand; `why` is its arithmetic."""

    name: str
    network: Callable[[], nn.Module]
    shape: tuple[int, ...]
    parameters: int
    macs: int
    why: str


class FunctionalLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 16))

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, self.weight)


class Product(nn.Module):
    """All pairs of positions, by an operator instead of a module."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 16, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        projected = self.project(features)
        return projected @ projected.transpose(1, 2)


class GroupedAttention(nn.Module):
    """Four heads of queries of width 4, two of keys, fused."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Linear(16, 16, bias=False)
        self.keys = nn.Linear(16, 8, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        queries, keys = (
            layer(features).unflatten(-1, (-1, 4)).transpose(1, 2)
            for layer in (self.queries, self.keys)
        )
        return F.scaled_dot_product_attention(queries, keys, keys, enable_gqa=True)


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, bias=False, batch_first=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.attention(features, features, features, need_weights=False)[0]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(16, 16, bias=False)
        self.decoder = nn.Linear(16, 16, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, features: Tensor) -> Tensor:
        return self.decoder(self.encoder(features))


PROBES = (
    Probe(
        "bias", lambda: nn.Conv2d(3, 8, 3), (1, 3, 5, 5), 224, 1944,
        "3*3*3*8*9 products; a bias is added, not multiplied",
    ),
    Probe(
        "normalisation", lambda: nn.BatchNorm2d(3), (1, 3, 5, 5), 6, 0,
        "no product of matrices",
    ),
    Probe(
        "linear on positions", lambda: nn.Linear(16, 8, bias=False), (1, 10, 16), 128, 1280,
        "16*8 for each of 10 positions",
    ),
    Probe(
        "transposed convolution", lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, bias=False),
        (1, 8, 5, 5), 432, 10_800, "3*3*8*6 for each of 5*5 positions of the input",
    ),
    Probe(
        "transposed, in groups",
        lambda: nn.ConvTranspose2d(8, 8, 3, stride=2, groups=4, bias=False),
        (1, 8, 5, 5), 144, 3600, "3*3*8*2*25: each input meets the 2 outputs of its group",
    ),
    Probe(
        "even kernel, padding same", lambda: nn.Conv2d(3, 8, 4, padding="same", bias=False),
        (1, 3, 5, 5), 384, 9600, "4*4*3*8 for each of 5*5 positions of the output",
    ),
    Probe(
        "function, no module", FunctionalLinear, (1, 10, 16), 128, 1280, "16*8*10",
    ),
    Probe("operator @", Product, (1, 10, 16), 256, 4160, "16*16*10 + 10*10*16"),
    Probe(
        "fused attention in groups", GroupedAttention, (1, 10, 16), 384, 7040,
        "16*16*10 + 16*8*10 + 2*(10*10*4*4)",
    ),
    Probe(
        "multi-head attention", SelfAttention, (1, 10, 16), 1024, 13_440,
        "4*(16*16*10) + 2*(10*10*8*2)",
    ),
    Probe(
        "LSTM", lambda: nn.LSTM(16, 8, bias=False, batch_first=True), (1, 10, 16), 768, 7680,
        "4 gates of (16 + 8)*8, 10 steps",
    ),
    Probe("tied weights", Tied, (1, 16), 256, 512, "one matrix of 16*16, used twice"),
)  # fmt: skip
