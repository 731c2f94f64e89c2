"""A row in another unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch.optim import SGD

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, Task, set_up, with_data
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LossSpike(Fault):
    """One example of the training set is a hundred times too large: a missing decimal point."""

    rule = "loss-spike"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(_by_gradient_descent(task), _with_outlier), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_by_gradient_descent(task), seed)


def _by_gradient_descent(task: Task) -> Task:
    optimizer = partial(SGD, lr=0.02, momentum=0.9)
    return replace(task, name=f"{task.name}-slow-descent", optimizer=optimizer)


def _with_outlier(split: Split) -> Split:
    inputs = split.inputs.clone()
    inputs[7] = 100 * inputs[7]
    return replace(split, inputs=inputs)
