"""The trainings of the study `adaptive-methods`: five methods, with and without dropout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from defib.studies.adaptive_methods.rmsprop_nesterov import RMSpropNesterov
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images, ImageScale, device_called
from defib.training.in_memory import Quality, quality, train_epoch
from defib.training.seeding import seed_everything

INPUT_DROPOUT, HIDDEN_DROPOUT = 0.2, 0.5
"""Of the exercise."""
ADAGRAD, RMSPROP, NESTEROV = "AdaGrad", "RMSProp", "RMSProp + Nesterov"
ADADELTA, ADAM = "AdaDelta", "Adam"
L2_ONLY, WITH_DROPOUT = "L2", "L2 and dropout"
REGULARISATIONS = (L2_ONLY, WITH_DROPOUT)

Factory: TypeAlias = Callable[[Iterable[Tensor], float], Optimizer]
"""Makes an optimizer of parameters and of the strength of L2, which is added to the gradient."""


def _adagrad(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    return torch.optim.Adagrad(parameters, lr=1e-2, weight_decay=decay)


def _rmsprop(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    # Not torch's defaults 0.01 and 0.99: those of the lecture, of the book and of Keras.
    return torch.optim.RMSprop(parameters, lr=1e-3, alpha=0.9, weight_decay=decay)


def _nesterov(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    # A momentum of 0.9 makes steps in one direction ten times as long.
    return RMSpropNesterov(parameters, lr=1e-4, weight_decay=decay)


def _adadelta(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    return torch.optim.Adadelta(parameters, lr=1.0, rho=0.95, eps=1e-6, weight_decay=decay)


def _adam(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    return torch.optim.Adam(parameters, lr=1e-3, weight_decay=decay)


METHODS: Mapping[str, Factory] = {
    ADAGRAD: _adagrad,
    RMSPROP: _rmsprop,
    NESTEROV: _nesterov,
    ADADELTA: _adadelta,
    ADAM: _adam,
}


def _adagrad_of_keras(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    return torch.optim.Adagrad(
        parameters, lr=1e-3, initial_accumulator_value=0.1, eps=1e-7, weight_decay=decay
    )


def _adadelta_of_keras(parameters: Iterable[Tensor], decay: float) -> Optimizer:
    return torch.optim.Adadelta(parameters, lr=1e-3, rho=0.95, eps=1e-7, weight_decay=decay)


OF_KERAS: Mapping[str, Factory] = {
    ADAGRAD: _adagrad_of_keras,
    ADADELTA: _adadelta_of_keras,
}
"""With Keras's defaults, where they change the result most. ε stands where torch has it."""


@final
@dataclass(frozen=True)
class Config:
    """Two hidden layers of `hidden` units; `weight_decay` is the strength of L2."""

    seeds: int
    scale: ImageScale
    hidden: int
    epochs: int
    batch_size: int = 128
    weight_decay: float = 5e-4


@final
@dataclass(frozen=True)
class Epoch:
    """`step_loss` is the mean over the steps, in training mode; the others are of evaluation."""

    step_loss: float
    train: Quality
    test: Quality


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training; `rules` is what defib, watching, named."""

    network: nn.Sequential
    epochs: tuple[Epoch, ...]
    rules: tuple[str, ...]


def seeded_network(config: Config, data: Images, seed: int, *, has_dropout: bool) -> nn.Sequential:
    """Before its training; sets the global random state."""
    seed_everything(seed)
    inputs, classes = data.images[0].numel(), 10
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after, rate in (
        (inputs, config.hidden, INPUT_DROPOUT),
        (config.hidden, config.hidden, HIDDEN_DROPOUT),
    ):
        layers += [nn.Dropout(rate)] if has_dropout else []
        layers += [nn.Linear(before, after), nn.ReLU()]
    layers += [nn.Dropout(HIDDEN_DROPOUT)] if has_dropout else []
    network = nn.Sequential(*layers, nn.Linear(config.hidden, classes))
    return network.to(device_called(config.scale.device))


def trained(
    factory: Factory, config: Config, data: Images, seed: int, *, has_dropout: bool
) -> Trained:
    """One training from beginning to end, under defib's watch."""
    epochs: list[Epoch] = []
    with watched() as watch:
        network = seeded_network(config, data, seed, has_dropout=has_dropout)
        optimizer = factory(network.parameters(), config.weight_decay)
        batches = data.batches(config.batch_size)
        for _ in range(config.epochs):
            losses = train_epoch(network, optimizer, batches)
            seen = quality(network, data.images, data.labels)
            epochs.append(Epoch(sum(losses) / len(losses), seen, data.quality(network)))
    return Trained(network, tuple(epochs), watch.rules)


def seconds_per_epoch(
    factory: Factory, config: Config, data: Images, seed: int, *, has_dropout: bool
) -> float:
    """Wall time of the second epoch of another training, which nobody watches."""
    network = seeded_network(config, data, seed, has_dropout=has_dropout)
    optimizer = factory(network.parameters(), config.weight_decay)
    batches = data.batches(config.batch_size)
    train_epoch(network, optimizer, batches)
    begun = time.perf_counter()
    # Reads the losses at its end, so that it waits for the device.
    train_epoch(network, optimizer, batches)
    return time.perf_counter() - begun
