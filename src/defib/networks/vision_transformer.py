"""Vision transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from defib.networks.attention import Attention


class EncoderLayer(nn.Module):
    """Attention, then a dense layer, each normalised first and added to its input."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.dense_norm = nn.LayerNorm(width, eps=1e-6)
        self.dense = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attention(self.attention_norm(features))
        return features + self.dense(self.dense_norm(features))


class VisionTransformer(nn.Module):
    """Scores of `classes` classes for square images of `side` pixels, cut into patches.

    Dosovitskiy et al., "An Image is Worth 16x16 Words" (2021), arXiv:2010.11929. The variant of
    fine-tuning: a class token and one linear layer on it, no dropout.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        side: int = 224,
        patch: int = 16,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        hidden: int = 3072,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2 + 1, width))
        self.layers = nn.Sequential(*(EncoderLayer(width, heads, hidden) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        token = self.class_token.expand(len(images), -1, -1)
        features = self.layers(torch.cat([token, patches], dim=1) + self.positions)
        return self.head(self.norm(features[:, 0]))


def vision_transformer_b_16(classes: int = 1000) -> VisionTransformer:
    """ViT-B/16 for 224 x 224 images: 86,567,656 parameters."""
    return VisionTransformer(classes)
