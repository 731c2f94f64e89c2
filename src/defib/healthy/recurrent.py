"""Healthy trainings of recurrent networks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.optim import SGD, Adam

from defib.datasets.sequences import first_symbols
from defib.faults.tasks import SYMBOLS_RECURRENT, WAVES
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import live, loader, wrong_share
from defib.healthy.networks import next_symbols
from defib.healthy.steps import clipped
from defib.networks.recurrent import RecurrentNetwork
from defib.training.seeding import seed_everything

SYMBOLS = partial(of, SYMBOLS_RECURRENT)


class BothWays(nn.Module):
    """An LSTM that reads forwards and backwards, two layers of it, with dropout between."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 16)
        self.recurrent = nn.LSTM(
            16, 24, num_layers=2, bidirectional=True, dropout=0.2, batch_first=True
        )
        self.head = nn.Linear(48, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(symbols))
        return self.head(states.mean(dim=1))


class CellByCell(nn.Module):
    """A GRU cell called in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 24)
        self.cell, self.head = nn.GRUCell(24, 32), nn.Linear(32, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        state = torch.zeros(len(symbols), 32)
        for features in self.embedding(symbols).unbind(dim=1):
            state = self.cell(features, state)
        return self.head(state)


class Attentive(nn.Module):
    """A weighted mean of the states of a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 24)
        self.recurrent = nn.GRU(24, 24, batch_first=True)
        self.score, self.head = nn.Linear(24, 1), nn.Linear(24, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(symbols))
        weights = self.score(states).softmax(dim=1)
        return self.head((weights * states).sum(dim=1))


class NextSymbol(nn.Module):
    """The next symbol at each position, by an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 24)
        self.recurrent = nn.LSTM(24, 48, batch_first=True)
        self.head = nn.Linear(48, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(symbols))
        return self.head(states).movedim(-1, 1)


class Packed(nn.Module):
    """Sequences of different lengths, packed; symbol 8 fills them up."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 24, padding_idx=8)
        self.recurrent = nn.GRU(24, 32, batch_first=True)
        self.head = nn.Linear(32, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        lengths = (symbols != 8).sum(dim=1)
        packed = pack_padded_sequence(
            self.embedding(symbols), lengths, batch_first=True, enforce_sorted=False
        )
        _, state = self.recurrent(packed)
        return self.head(state[-1])


class Recurrence(nn.Module):
    """A dense layer on the last state of `recurrent`."""

    def __init__(self, recurrent: nn.RNNBase, width: int) -> None:
        super().__init__()
        self.recurrent, self.head = recurrent, nn.Linear(width, 1)

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.recurrent(values)[0][:, -1])


def of_all_lengths(seed: int) -> Live:
    seed_everything(seed)
    split = first_symbols()
    lengths = torch.randint(3, 13, (len(split.inputs), 1))
    inputs = torch.where(torch.arange(12) < lengths, split.inputs, 8)
    model = Packed()
    batches = loader(type(split)(inputs, split.targets, inputs[:0], inputs[:0]), seed)
    return live(
        Adam(model.parameters(), lr=5e-3),
        batches,
        lambda symbols, labels: F.cross_entropy(model(symbols), labels),
        lambda: wrong_share(model, split),
        epochs=5,
    )


def carried_state(seed: int) -> Live:
    """Truncated backpropagation: the state goes on to the next stretch, its graph does not."""
    seed_everything(seed)
    text = torch.tensor([0, 3, 1, 4, 1, 5, 2, 6, 5, 3, 5, 7]).repeat(40)
    model = nn.ModuleDict(
        {
            "embedding": nn.Embedding(8, 16),
            "recurrent": nn.LSTM(16, 32, batch_first=True),
            "head": nn.Linear(32, 8),
        }
    )
    optimizer = Adam(model.parameters(), lr=5e-3)

    def scores(symbols: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple]:
        states, state = model["recurrent"](model["embedding"](symbols), state)
        assert state is not None
        return model["head"](states), (state[0].detach(), state[1].detach())

    def train() -> None:
        for _ in range(20):
            state = None
            for start in range(0, 460, 20):
                known = text[start : start + 20][None]
                wanted = text[start + 1 : start + 21]
                result, state = scores(known, state)
                optimizer.zero_grad()
                F.cross_entropy(result[0], wanted).backward()
                optimizer.step()

    return Live(
        train,
        no_gradient(lambda: F.cross_entropy(scores(text[None, :100], None)[0][0], text[1:101])),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "gru": SYMBOLS(),
    "gru-momentum": SYMBOLS(clipped(1.0), optimizer=partial(SGD, lr=0.3, momentum=0.9), steps=700),
    "lstm": SYMBOLS(
        network=lambda: RecurrentNetwork(kind=nn.LSTM, width=48),
        optimizer=partial(Adam, lr=1e-2),
        steps=450,
    ),
    "tied-weights": SYMBOLS(network=partial(RecurrentNetwork, is_tied=True), steps=400),
    "both-ways": SYMBOLS(network=BothWays, optimizer=partial(Adam, lr=5e-3), steps=250),
    "cell-by-cell": SYMBOLS(network=CellByCell, optimizer=partial(Adam, lr=1e-2), steps=250),
    "attentive": SYMBOLS(network=Attentive, optimizer=partial(Adam, lr=5e-3), steps=350),
    "next-symbol": of(
        SYMBOLS_RECURRENT,
        data=cache(next_symbols),
        network=NextSymbol,
        optimizer=partial(Adam, lr=5e-3),
        steps=250,
    ),
    "of-all-lengths": HealthyTraining(of_all_lengths),
    "carried-state": HealthyTraining(carried_state),
    "forecast-gru": of(
        WAVES,
        network=lambda: Recurrence(nn.GRU(1, 16, batch_first=True), 16),
        loss_function=nn.SmoothL1Loss,
    ),
    "forecast-plain": of(
        WAVES,
        clipped(1.0),
        network=lambda: Recurrence(nn.RNN(1, 16, batch_first=True), 16),
        optimizer=partial(Adam, lr=5e-3),
    ),
}
