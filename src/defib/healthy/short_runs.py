"""Healthy trainings that end soon, as a user tries something out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, Adam

from defib.datasets.bundled import digits
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    WAVES,
)
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.training.seeding import seed_everything


def one_batch(seed: int) -> Live:
    """One batch, over and over, until its loss is near 0: the usual test of a new network."""
    seed_everything(seed)
    split = digits()
    images, labels = split.inputs[:32], split.targets[:32]
    model = ConvolutionalNetwork()
    return live(
        Adam(model.parameters(), lr=3e-3),
        [(images, labels)] * 200,
        lambda images, labels: F.cross_entropy(model(images), labels),
        lambda: F.cross_entropy(model(images), labels),
        epochs=1,
    )


def exclusive_or(seed: int) -> Live:
    """Four examples, all of them in every batch."""
    seed_everything(seed)
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    model = dense_network((2, 16, 1), nn.Tanh)
    return live(
        Adam(model.parameters(), lr=3e-2),
        [(inputs, targets)] * 200,
        lambda inputs, targets: F.binary_cross_entropy_with_logits(model(inputs), targets),
        lambda: F.binary_cross_entropy_with_logits(model(inputs), targets),
        epochs=1,
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "thirty-steps": of(
        TUMOURS, network=lambda: nn.Linear(30, 1), optimizer=partial(SGD, lr=0.5), steps=30
    ),
    "one-epoch": of(
        DIGITS_CONVOLUTIONAL,
        network=normalized_network,
        optimizer=partial(Adam, lr=1e-2),
        batch_size=8,
        steps=180,
    ),
    "hundred-steps-transformer": of(SYMBOLS_TRANSFORMER, steps=120),
    "hundred-steps-forecast": of(WAVES, steps=100),
    "one-batch": HealthyTraining(one_batch),
    "exclusive-or": HealthyTraining(exclusive_or),
}
