"""Healthy trainings by optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from defib.datasets.bundled import digits
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
)
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import loader, wrong_share
from defib.healthy.steps import by_closure
from defib.networks.convolutional import ConvolutionalNetwork
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_DENSE)


@final
class SignDescent(Optimizer):
    """Steps of one size in the direction of the sign of a running mean (Chen et al. 2023)."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, decay: float = 0.1) -> None:
        super().__init__(parameters, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        del closure
        for group in self.param_groups:
            for each in group["params"]:
                mean = self.state[each].setdefault("mean", torch.zeros_like(each))
                direction = (0.9 * mean + 0.1 * each.grad).sign()
                mean.lerp_(each.grad, 0.01)
                each.mul_(1 - group["lr"] * group["decay"]).sub_(group["lr"] * direction)


def grouped(parameters: Iterable[Tensor]) -> Optimizer:
    """Weights decay and biases do not, and the last layer learns ten times faster."""
    every = list(parameters)
    weights = [each for each in every[:-2] if each.dim() > 1]
    biases = [each for each in every[:-2] if each.dim() == 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": 0.05},
        {"params": biases, "weight_decay": 0.0},
        {"params": every[-2:], "lr": 1e-2, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=1e-3)


def two_optimizers(seed: int) -> Live:
    """One backward pass, and an optimiser for each half of the network."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    late = {*model.hidden.parameters(), *model.head.parameters()}
    first = SGD([each for each in model.parameters() if each not in late], lr=0.05, momentum=0.9)
    second = Adam(late, lr=2e-3)

    def train() -> None:
        for _ in range(8):
            for images, labels in loader(split, seed):
                first.zero_grad()
                second.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                first.step()
                second.step()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def by_hand(seed: int) -> Live:
    """No optimiser of torch for half of the network: its steps are written out."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    head = [*model.hidden.parameters(), *model.head.parameters()]
    optimizer = SGD([*model.conv1.parameters(), *model.conv2.parameters()], lr=0.05, momentum=0.9)

    def train() -> None:
        for _ in range(9):
            for images, labels in loader(split, seed):
                model.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
                with torch.no_grad():
                    for each in head:
                        if each.grad is not None:
                            each -= 0.1 * each.grad

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


LBFGS = partial(torch.optim.LBFGS, max_iter=4, line_search_fn="strong_wolfe")

TRAININGS: Mapping[str, HealthyTraining] = {
    "sgd": OF(optimizer=partial(SGD, lr=0.2)),
    "sgd-slow-but-sure": OF(optimizer=partial(SGD, lr=0.05), steps=800),
    "momentum": OF(optimizer=partial(SGD, lr=0.05, momentum=0.9)),
    "nesterov-weight-decay": OF(
        optimizer=partial(SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    ),
    "heavy-momentum": OF(optimizer=partial(SGD, lr=0.01, momentum=0.97)),
    "averaged-sgd": OF(optimizer=partial(torch.optim.ASGD, lr=0.1), steps=600),
    "adam-default": OF(optimizer=Adam, steps=600),
    "adam-amsgrad": OF(optimizer=partial(Adam, lr=2e-3, amsgrad=True)),
    "adam-short-memory": OF(optimizer=partial(Adam, lr=2e-3, betas=(0.5, 0.9))),
    "adamw-strong-decay": OF(optimizer=partial(AdamW, lr=3e-3, weight_decay=0.3)),
    "adamw-groups": OF(optimizer=grouped),
    "adamax": OF(optimizer=partial(torch.optim.Adamax, lr=5e-3)),
    "nadam": OF(optimizer=partial(torch.optim.NAdam, lr=2e-3)),
    "radam": OF(optimizer=partial(torch.optim.RAdam, lr=3e-3)),
    "adafactor": OF(optimizer=partial(torch.optim.Adafactor, lr=1e-2)),
    "adagrad": OF(optimizer=partial(torch.optim.Adagrad, lr=0.05)),
    "adagrad-images": of(DIGITS_CONVOLUTIONAL, optimizer=partial(torch.optim.Adagrad, lr=0.02)),
    "adadelta": OF(optimizer=partial(torch.optim.Adadelta, lr=1.0)),
    "adadelta-tumours": of(TUMOURS, optimizer=partial(torch.optim.Adadelta, lr=1.0)),
    "rmsprop": OF(optimizer=partial(torch.optim.RMSprop, lr=1e-3)),
    "rmsprop-centered": of(
        DIGITS_CONVOLUTIONAL,
        optimizer=partial(torch.optim.RMSprop, lr=5e-4, momentum=0.9, centered=True),
    ),
    "rmsprop-transformer": of(
        SYMBOLS_TRANSFORMER, optimizer=partial(torch.optim.RMSprop, lr=1e-3), steps=300
    ),
    "rprop-full-batch": of(
        replace(TUMOURS, batch_size=2000),
        optimizer=partial(torch.optim.Rprop, lr=1e-3, step_sizes=(1e-6, 0.1)),
        steps=20,
    ),
    "sign-descent": OF(optimizer=partial(SignDescent, lr=1e-3)),
    "lbfgs": OF(by_closure, optimizer=LBFGS, steps=12, batch_size=2000),
    "lbfgs-regression": of(
        DIABETES,
        by_closure,
        optimizer=partial(LBFGS, max_iter=2),
        steps=15,
        batch_size=2000,
    ),
    "two-optimizers": HealthyTraining(two_optimizers),
    "half-by-hand": HealthyTraining(by_hand),
}
