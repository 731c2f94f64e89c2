"""Weights far too small for the depth of the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_DENSE, TUMOURS, Task, set_up, with_weights
from defib.networks.dense import dense_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class VanishingGradient(Fault):
    """`nn.init.normal_(weight, std=0.01)`, as AlexNet had it, in a network of nine layers.

    Each layer shrinks the signal, and on the way back the gradient, about tenfold. The twin
    has He initialisation.
    """

    rule = "vanishing-gradient"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_deep(task), _set_small), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_deep(task), _set_he), seed)


WIDTHS = {DIGITS_DENSE.name: (64, 32, 10), TUMOURS.name: (30, 32, 1), DIABETES.name: (10, 32, 1)}
"""Inputs, units of a hidden layer, outputs."""
HIDDEN_LAYERS = 8


def _deep(task: Task) -> Task:
    inputs, hidden, outputs = WIDTHS[task.name]
    return replace(
        task,
        name=f"{task.name}-deep",
        network=lambda: dense_network((inputs, *[hidden] * HIDDEN_LAYERS, outputs)),
        optimizer=partial(SGD, lr=0.02, momentum=0.5),
    )


def _set_small(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def _set_he(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
