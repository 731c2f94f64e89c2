"""A learning rate for fine-tuning on layers that are new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn
from torch.optim import Optimizer

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
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class UnevenLearning(Fault):
    """Parameter groups taken over from a script that fine-tuned: all but the head get 1e-6 of the
    rate.
    """

    rule = "uneven-learning"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, optimizer=lambda each: _grouped(task, each)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _grouped(task: Task, parameters: Iterable[nn.Parameter]) -> Optimizer:
    optimizer = task.optimizer(parameters)
    [group] = optimizer.param_groups
    *body, weight, bias = group["params"]
    group["params"] = [weight, bias]
    optimizer.add_param_group({"params": body, "lr": 1e-6 * group["lr"]})
    return optimizer
