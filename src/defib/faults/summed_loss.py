"""A loss summed over the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, final

from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SummedLoss(Fault):
    """A loss with `reduction="sum"`, and the learning rate of one that is averaged."""

    rule = "summed-loss"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        descent = _by_gradient_descent(task)
        summed = partial(descent.loss_function, **SUMMED)
        return set_up(replace(descent, loss_function=summed), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_by_gradient_descent(task), seed)


SUMMED: dict[str, Any] = {"reduction": "sum"}


def _by_gradient_descent(task: Task) -> Task:
    optimizer = partial(SGD, lr=0.05, momentum=0.9)
    return replace(task, name=f"{task.name}-descent", optimizer=optimizer)
