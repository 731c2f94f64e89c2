"""Networks that classify texts and disregard the order of words."""

from __future__ import annotations

from torch import Tensor, nn


class BagOfWords(nn.Module):
    """The mean embedding of a text's words, and two dense layers."""

    def __init__(self, words: int = 400, classes: int = 4, *, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(words, width, mode="mean")
        self.hidden = nn.Linear(width, width)
        self.activation = nn.ReLU()
        self.head = nn.Linear(width, classes)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.activation(self.hidden(self.embedding(words))))
