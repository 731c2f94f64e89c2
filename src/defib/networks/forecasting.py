"""Recurrent networks that forecast the next value of a series."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class Forecaster(nn.Module):
    """An LSTM, or `kind`, over values (batch, length, 1); a dense layer on its last state."""

    def __init__(self, *, width: int = 24, kind: Callable[..., nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.recurrent = kind(1, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, values: Tensor) -> Tensor:
        states, _ = self.recurrent(values)
        return self.head(states[:, -1])
