"""A schedule that runs on beyond its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class NegativeLearningRate(Fault):
    """A linear decay over half of the steps: `LambdaLR` takes a factor below zero as it comes."""

    rule = "negative-learning-rate"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _decaying(task, seed, length=task.steps // 2)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _decaying(task, seed, length=task.steps)


def _decaying(task: Task, seed: int, *, length: int) -> TrainingSetup:
    setup = set_up(task, seed)
    schedule = LambdaLR(setup.optimizer, lambda step: 1 - step / length)

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = training_step(setup, inputs, targets)
        schedule.step()
        return loss

    return replace(setup, name=f"{task.name}-linear-decay", step=step)
