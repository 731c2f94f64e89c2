"""A negative log-likelihood of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TOPICS, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ScoresWithoutLogSoftmax(Fault):
    """`nn.NLLLoss` without the `log_softmax` that belongs before it."""

    rule = "scores-without-log-softmax"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TOPICS)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, loss_function=nn.NLLLoss), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
