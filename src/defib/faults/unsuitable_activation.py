"""Many sigmoid layers, one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
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
class UnsuitableActivation(Fault):
    """The network of a textbook from before 2010, made deeper. The twin has ReLU."""

    rule = "unsuitable-activation"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_deep(task, nn.Sigmoid), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_deep(task, nn.ReLU), seed)


WIDTHS = {DIGITS_DENSE.name: (64, 32, 10), TUMOURS.name: (30, 32, 1), DIABETES.name: (10, 32, 1)}
"""Inputs, units of a hidden layer, outputs."""
HIDDEN_LAYERS = 8


def _deep(task: Task, activation: Callable[[], nn.Module]) -> Task:
    inputs, hidden, outputs = WIDTHS[task.name]
    widths = (inputs, *[hidden] * HIDDEN_LAYERS, outputs)
    deep = replace(
        task,
        name=f"{task.name}-deep",
        network=lambda: dense_network(widths, activation),
        optimizer=partial(SGD, lr=0.02, momentum=0.5),
    )
    # The twin with ReLU needs He initialisation, and a fault is one difference.
    return with_weights(deep, _initialize)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
