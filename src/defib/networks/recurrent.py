"""Recurrent networks that classify sequences of symbols."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class RecurrentNetwork(nn.Module):
    """Embedding, one recurrent layer, and a dense layer on its last state."""

    def __init__(
        self,
        symbols: int = 8,
        classes: int = 8,
        *,
        width: int = 32,
        kind: Callable[..., nn.RNNBase] = nn.GRU,
        is_tied: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.recurrent = kind(width, width, batch_first=True)
        self.head = nn.Linear(width, classes, bias=not is_tied)
        if is_tied:
            self.head.weight = self.embedding.weight

    def forward(self, symbols: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(symbols))
        return self.head(states[:, -1])
