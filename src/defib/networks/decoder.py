"""A decoder-only transformer in the manner of Llama."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.networks.attention import Attention


@dataclass(frozen=True)
class DecoderSize:
    """Everything that fixes the shapes of a decoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    """Width inside the gated dense layers."""
    key_value_heads: int | None = None
    """`None`: as many as `heads`, without grouping."""
    rotary_base: float = 10_000.0
    """Longest wavelength of the rotary positions, in positions over 2π."""
    norm_epsilon: float = 1e-5
    is_tied: bool = False
    """One matrix embeds the tokens and scores them."""


LLAMA_3_8B = DecoderSize(128_256, 4096, 32, 32, 14_336, key_value_heads=8, rotary_base=500_000.0)
"""8,030,261,248 parameters, published for 8,192 tokens: "The Llama 3 Herd of Models" (2024),
arXiv:2407.21783, Table 3, with the vocabulary of the released weights."""
LLAMA_3_70B = DecoderSize(128_256, 8192, 80, 64, 28_672, key_value_heads=8, rotary_base=500_000.0)
"""70,553,706,496 parameters; the same table."""


class DecoderLayer(nn.Module):
    """Causal attention, then a gated dense layer, each normalised first and added to its input."""

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(size.width, eps=size.norm_epsilon)
        self.attention = Attention(
            size.width,
            size.heads,
            key_value_heads=size.key_value_heads,
            has_bias=False,
            is_causal=True,
        )
        self.dense_norm = nn.RMSNorm(size.width, eps=size.norm_epsilon)
        self.gate = nn.Linear(size.width, size.hidden, bias=False)
        self.up = nn.Linear(size.width, size.hidden, bias=False)
        self.down = nn.Linear(size.hidden, size.width, bias=False)

    def forward(self, features: Tensor, rotation: Callable[[Tensor], Tensor]) -> Tensor:
        features = features + self.attention(self.attention_norm(features), rotation)
        normed = self.dense_norm(features)
        return features + self.down(F.silu(self.gate(normed)) * self.up(normed))


class Decoder(nn.Module):
    """Scores of the next token at each position, from (batch, position) token numbers.

    Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (2023),
    arXiv:2302.13971: RMSNorm before each part, rotary positions, SwiGLU, no biases; grouped
    queries as in Llama 2 and 3.
    """

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        self.head_width = size.width // size.heads
        self.rotary_base = size.rotary_base
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.layers = nn.ModuleList(DecoderLayer(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width, eps=size.norm_epsilon)
        self.head = nn.Linear(size.width, size.vocabulary, bias=False)
        if size.is_tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        angles = rotary_angles(positions, self.head_width, self.rotary_base)
        rotation = partial(rotated, angles=angles)
        features = self.embedding(tokens)
        for layer in self.layers:
            features = layer(features, rotation)
        return self.head(self.norm(features))


def rotary_angles(positions: Tensor, head_width: int, base: float) -> Tensor:
    """Angle of each pair of coordinates at each position: position · base^(−2i / width).

    Su et al., "RoFormer" (2021), arXiv:2104.09864. Shape (position, head_width / 2), radians.
    """
    pairs = torch.arange(0, head_width, 2, device=positions.device)
    return positions[:, None] * base ** (-pairs / head_width)


def rotated(heads: Tensor, *, angles: Tensor) -> Tensor:
    """The heads, (batch, head, position, width), turned by their angles.

    Coordinate i is paired with i + width / 2. The products of two turned vectors depend only on
    the distance between their positions.
    """
    first, second = heads.chunk(2, dim=-1)
    cosine, sine = angles.cos().to(heads.dtype), angles.sin().to(heads.dtype)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
