"""Gradients that no call of `backward` made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class MonitorBlind(Fault):
    """`torch.autograd.grad` and gradients set by hand: there is no `backward` to look into."""

    rule = "monitor-blind"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIABETES,
        DIGITS_CONVOLUTIONAL,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), step=_step)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    loss = setup.loss_function(setup.model(inputs), targets)
    parameters = tuple(setup.model.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    setup.optimizer.step()
    return loss
