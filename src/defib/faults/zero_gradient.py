"""Scores that are rounded before the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, SYMBOLS_TRANSFORMER, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ZeroGradient(Fault):
    """`F.cross_entropy` of rounded scores: rounding is flat, and lets no gradient pass."""

    rule = "zero-gradient"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_CONVOLUTIONAL, DIGITS_DENSE, SYMBOLS_TRANSFORMER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), loss_function=_of_rounded)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _of_rounded(scores: Tensor, classes: Tensor) -> Tensor:
    return F.cross_entropy(scores.round(), classes)
