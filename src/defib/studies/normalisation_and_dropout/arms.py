"""The five arms of the study `normalisation-and-dropout`, trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from defib.networks.regularized_lenet import regularized_lenet_5
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images, ImageScale, device_called
from defib.training.in_memory import Quality, quality, train_epoch
from defib.training.seeding import seed_everything

PLAIN, NORMALIZED, INPUT_TOO = "plain", "batch norm", "batch norm, input too"
DROPPED, BOTH = "dropout", "both"
ARMS = (PLAIN, NORMALIZED, INPUT_TOO, DROPPED, BOTH)
WITH_NORM = (NORMALIZED, INPUT_TOO, BOTH)
INPUT_DROPOUT, HIDDEN_DROPOUT = 0.2, 0.5
"""Of the exercise."""
LEARNING_RATE = 1e-3
"""Of Adam, which the exercise leaves open; its default."""


@final
@dataclass(frozen=True)
class Config:
    """`probe_images` are so many of the training images, and of the test images.

    With them the networks are looked into; training loss and accuracy are those of these images.
    """

    seeds: int
    scale: ImageScale
    epochs: int
    batch_size: int
    probe_images: int = 1000


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training, and its state after each epoch, the first before all."""

    network: nn.Sequential
    states: tuple[Mapping[str, Tensor], ...]
    train: tuple[Quality, ...]
    """After each epoch."""
    test: tuple[Quality, ...]
    rules: tuple[str, ...]
    """What defib, watching the training, named."""

    def at(self, epoch: int) -> nn.Sequential:
        """Another network, in the state after that many epochs."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(self.states[epoch])
        return network


def arm_network(arm: str) -> nn.Sequential:
    """Before its training; the weights come from torch's global random state."""
    has_dropout = arm in (DROPPED, BOTH)
    return regularized_lenet_5(
        normalizes_hidden=arm in WITH_NORM,
        normalizes_input=arm in (INPUT_TOO, BOTH),
        input_dropout=INPUT_DROPOUT if has_dropout else 0.0,
        hidden_dropout=HIDDEN_DROPOUT if has_dropout else 0.0,
    )


def trained(arm: str, config: Config, data: Images, seed: int) -> Trained:
    """One arm from beginning to end, under defib's watch."""
    seed_everything(seed)
    batches = data.batches(config.batch_size)
    with watched() as watch:
        network = arm_network(arm).to(device_called(config.scale.device))
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        states, test = [_state(network)], []
        for _ in range(config.epochs):
            train_epoch(network, optimizer, batches)
            test.append(data.quality(network))
            states.append(_state(network))
    done = Trained(network, tuple(states), (), tuple(test), watch.rules)
    # Afterwards: the images of the training in evaluation mode are no part of the training.
    images, labels = data.images[: config.probe_images], data.labels[: config.probe_images]
    train = tuple(quality(done.at(epoch), images, labels) for epoch in range(1, config.epochs + 1))
    return Trained(network, done.states, train, done.test, done.rules)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in network.state_dict().items()}
