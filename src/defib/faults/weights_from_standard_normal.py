"""Weights from a standard normal distribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    Task,
    set_up,
    with_weights,
)
from defib.networks.dense import dense_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class WeightsFromStandardNormal(Fault):
    """`nn.init.normal_(weight)` without a standard deviation.

    Each layer multiplies the signal, and on the way back the gradient, by about the square
    root of its width.
    """

    rule = "exploding-gradient"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIABETES, TUMOURS, DIGITS_CONVOLUTIONAL)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_deep(task), _set_normal), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_deep(task), seed)


WIDTHS = {
    DIGITS_DENSE.name: (64, *[32] * 6, 10),
    DIABETES.name: (10, *[32] * 4, 1),
    TUMOURS.name: (30, *[32] * 4, 1),
}


def _deep(task: Task) -> Task:
    if task is DIGITS_CONVOLUTIONAL:
        return task
    widths = WIDTHS[task.name]
    return replace(
        task,
        name=f"{task.name}-of-{len(widths) - 1}",
        network=lambda: dense_network(widths),
        optimizer=partial(SGD, lr=0.05, momentum=0.9),
    )


def _set_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.normal_(module.weight)
