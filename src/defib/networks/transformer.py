"""A small transformer encoder that classifies sequences of symbols."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TransformerNetwork(nn.Module):
    """Embedding, learnt positions, `layers` encoder layers, mean over positions, dense layer."""

    def __init__(
        self,
        symbols: int = 8,
        classes: int = 8,
        *,
        length: int = 12,
        width: int = 32,
        layers: int = 1,
        activation: str = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.positions = nn.Parameter(0.5 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=dropout, activation=activation, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, symbols: Tensor) -> Tensor:
        features = self.encoder(self.embedding(symbols) + self.positions)
        return self.head(features.mean(dim=1))
