"""A binary cross-entropy written out by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LogarithmOfProbability(Fault):
    """-(y log p + (1 - y) log(1 - p)): once p rounds to 1, the last term is 0 times -inf."""

    rule = "non-finite-value"
    tasks: ClassVar[tuple[Task, ...]] = (TUMOURS,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_fast(task), seed), loss_function=_cross_entropy)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_fast(task), seed)


def _fast(task: Task) -> Task:
    optimizer = partial(task.optimizer, lr=2e-2)
    return replace(task, name=f"{task.name}-fast", optimizer=optimizer)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    probabilities = torch.sigmoid(logits)
    terms = targets * torch.log(probabilities) + (1 - targets) * torch.log(1 - probabilities)
    return -terms.mean()
