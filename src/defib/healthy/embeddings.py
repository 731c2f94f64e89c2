"""Healthy trainings of embeddings: most rows get a gradient rarely."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, SparseAdam

from defib.datasets.sequences import WORDS, topic_words
from defib.faults.tasks import SYMBOLS_RECURRENT, TOPICS
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live, loader, loader_of, wrong_share
from defib.healthy.networks import SparseClassifier
from defib.training.seeding import seed_everything

OF = partial(of, TOPICS)


class MeanOfWords(nn.Module):
    """A table far larger than the words in use: most of its rows are never asked for."""

    def __init__(self, rows: int = 5000) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.embedding(words).mean(dim=1))


class Hashed(nn.Module):
    """Words share the rows of a small table by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(64, 24, mode="sum")
        self.head = nn.Linear(24, 4)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.embedding((words * 2654435761) % 64))


def sparse_adam(seed: int) -> Live:
    """A table with sparse gradients has an optimiser of its own."""
    seed_everything(seed)
    split = topic_words()
    table, head = nn.EmbeddingBag(WORDS, 16, sparse=True), nn.Linear(16, 4)
    first, second = SparseAdam(table.parameters(), lr=1e-2), Adam(head.parameters(), lr=1e-2)

    def train() -> None:
        for _ in range(5):
            for words, labels in loader(split, seed):
                first.zero_grad()
                second.zero_grad()
                F.cross_entropy(head(table(words)), labels).backward()
                first.step()
                second.step()

    return Live(train, lambda: float(wrong_share(lambda words: head(table(words)), split)))


def factorized(seed: int) -> Live:
    """Users and films: how much does the one like the other?"""
    seed_everything(seed)
    generator = torch.Generator().manual_seed(0)
    tastes = torch.randn(200, 3, generator=generator), torch.randn(120, 3, generator=generator)
    pairs = torch.randint(24_000, (4000,), generator=generator)
    user, film = pairs // 120, pairs % 120
    rating = (tastes[0][user] * tastes[1][film]).sum(1)
    users, films = nn.Embedding(200, 6), nn.Embedding(120, 6)
    for table in (users, films):
        nn.init.normal_(table.weight, std=0.3)

    def loss_of(user: Tensor, film: Tensor, rating: Tensor) -> Tensor:
        return F.mse_loss((users(user) * films(film)).sum(1), rating)

    return live(
        Adam([*users.parameters(), *films.parameters()], lr=2e-2),
        loader_of(user[:3600], film[:3600], rating[:3600], seed=seed, batch_size=64),
        loss_of,
        lambda: loss_of(user[3600:], film[3600:], rating[3600:]),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "words": OF(optimizer=partial(Adam, lr=5e-3)),
    "words-adagrad": OF(optimizer=partial(Adagrad, lr=0.1)),
    "words-sgd": OF(optimizer=partial(SGD, lr=1.0, momentum=0.5), steps=400),
    "words-rarely-used": OF(network=MeanOfWords),
    "words-hashed": OF(network=Hashed, optimizer=partial(Adam, lr=2e-2), max_ratio=0.9),
    "sparse-embedding": of(
        SYMBOLS_RECURRENT, network=SparseClassifier, optimizer=partial(SGD, lr=0.5)
    ),
    "sparse-adam": HealthyTraining(sparse_adam),
    "factorized": HealthyTraining(factorized),
}
