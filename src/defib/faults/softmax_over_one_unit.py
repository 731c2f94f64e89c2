"""A softmax over the only output unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SoftmaxOverOneUnit(Fault):
    """A softmax where a sigmoid belongs: over one unit it is 1 for every input."""

    rule = "constant-output"
    tasks: ClassVar[tuple[Task, ...]] = (TUMOURS,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_ending_in(task, lambda: nn.Softmax(dim=1)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_ending_in(task, nn.Sigmoid), seed)


def _ending_in(task: Task, activation: Callable[[], nn.Module]) -> Task:
    return replace(
        task,
        name=f"{task.name}-probability",
        network=lambda: nn.Sequential(*task.network().children(), activation()),
        loss_function=nn.BCELoss,
    )
