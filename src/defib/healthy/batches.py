"""Healthy trainings by how batches are made: tiny, whole, streamed, of few classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, IterableDataset

from defib.datasets.bundled import Split, digits
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    TOPICS,
    TUMOURS,
)
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import live, loader, wrong_share
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_DENSE)
IMAGES = partial(of, DIGITS_CONVOLUTIONAL)


def few_classes_per_batch(seed: int) -> Live:
    """Batches of three classes with eight examples each, as metric learning draws them."""
    seed_everything(seed)
    split = digits()
    generator = torch.Generator().manual_seed(seed)
    members = [(split.targets == label).nonzero()[:, 0] for label in range(10)]
    model = dense_network((64, 64, 32, 10))
    optimizer = Adam(model.parameters(), lr=2e-3)

    def drawn(label: int) -> Tensor:
        own = members[label]
        return own[torch.randperm(len(own), generator=generator)[:8]]

    def train() -> None:
        for _ in range(400):
            classes = torch.randperm(10, generator=generator)[:3].tolist()
            rows = torch.cat([drawn(label) for label in classes])
            optimizer.zero_grad()
            F.cross_entropy(model(split.inputs[rows]), split.targets[rows]).backward()
            optimizer.step()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


class Stream(IterableDataset):
    """Examples in a new order each time, one by one."""

    def __init__(self, split: Split, seed: int) -> None:
        self.split = split
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for row in torch.randperm(len(self.split.inputs), generator=self.generator).tolist():
            yield self.split.inputs[row], self.split.targets[row]


def streamed(seed: int) -> Live:
    """An iterable data set, whose length nobody knows."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    return live(
        SGD(model.parameters(), lr=0.05, momentum=0.9),
        DataLoader(Stream(split, seed), batch_size=32),
        lambda images, labels: F.cross_entropy(model(images), labels),
        lambda: wrong_share(model, split),
        epochs=7,
    )


def growing(seed: int) -> Live:
    """Batches of 16, then 32, 64 and 128 (Smith et al. 2017)."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)

    def train() -> None:
        for size in (16, 16, 32, 32, 64, 64, 128, 128):
            for images, labels in loader(split, seed, batch_size=size):
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def drawn_by_hand(seed: int) -> Live:
    """No loader: rows drawn with replacement, and moved to the device."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=3e-3)

    def train() -> None:
        for _ in range(350):
            rows = torch.randint(len(split.inputs), (40,))
            images, labels = split.inputs[rows].to("cpu"), split.targets[rows].to("cpu")
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


TRAININGS: Mapping[str, HealthyTraining] = {
    "batch-of-one": OF(batch_size=1, optimizer=partial(SGD, lr=0.01), steps=2500),
    "batch-of-one-images": IMAGES(
        batch_size=1, optimizer=partial(SGD, lr=0.01, momentum=0.5), steps=1500
    ),
    "batch-of-one-regression": of(
        DIABETES, batch_size=1, optimizer=partial(SGD, lr=2e-3), steps=1500
    ),
    "batch-of-two": OF(batch_size=2, optimizer=partial(Adam, lr=5e-4), steps=1500),
    "full-batch": OF(batch_size=2000, optimizer=partial(Adam, lr=5e-3), steps=150),
    "full-batch-tumours": of(
        TUMOURS, batch_size=2000, optimizer=partial(SGD, lr=0.3, momentum=0.9), steps=120
    ),
    "large-batch-words": of(TOPICS, batch_size=500, optimizer=partial(Adam, lr=2e-2), steps=80),
    "large-batch-recurrent": of(
        SYMBOLS_RECURRENT, batch_size=200, optimizer=partial(Adam, lr=1e-2), steps=150
    ),
    "batch-norm-batch-of-four": IMAGES(
        network=normalized_network, batch_size=4, optimizer=partial(Adam, lr=1e-3), steps=500
    ),
    "batch-norm-large-batch": IMAGES(
        network=normalized_network,
        batch_size=256,
        optimizer=partial(SGD, lr=0.2, momentum=0.9),
        steps=120,
    ),
    "few-classes-per-batch": HealthyTraining(few_classes_per_batch),
    "streamed": HealthyTraining(streamed),
    "growing-batches": HealthyTraining(growing),
    "drawn-by-hand": HealthyTraining(drawn_by_hand),
}
