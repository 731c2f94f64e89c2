"""A squared error between probabilities and classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, SYMBOLS_TRANSFORMER, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SquaredErrorOfClasses(Fault):
    """`nn.MSELoss` of a softmax and one-hot targets, as for a regression.

    Adam makes up for its small gradients: the trainings are by gradient descent with momentum.
    """

    rule = "squared-error-of-classes"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_CONVOLUTIONAL, DIGITS_DENSE, SYMBOLS_TRANSFORMER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        with_softmax = replace(_by_descent(task), network=lambda: _with_softmax(task))
        return replace(set_up(with_softmax, seed), loss_function=_squared_error)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_by_descent(task), seed)


def _by_descent(task: Task) -> Task:
    if task is DIGITS_CONVOLUTIONAL:
        return task
    optimizer = partial(SGD, lr=0.05, momentum=0.9)
    return replace(task, name=f"{task.name}-by-descent", optimizer=optimizer)


def _with_softmax(task: Task) -> nn.Module:
    return nn.Sequential(task.network(), nn.Softmax(dim=1))


def _squared_error(probabilities: Tensor, classes: Tensor) -> Tensor:
    return F.mse_loss(probabilities, F.one_hot(classes, probabilities.shape[1]).float())
