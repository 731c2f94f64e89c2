"""A sigmoid at the end of a regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CENTERS, WAVES, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class UnreachableTarget(Fault):
    """The network of a classification taken over for targets around 0: half are negative."""

    rule = "unreachable-target"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES, DIGITS_CENTERS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        squashed = replace(task, network=lambda: nn.Sequential(task.network(), nn.Sigmoid()))
        return set_up(squashed, seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
