"""A softmax over the only output unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_ODD,
    SYMBOLS_UPPER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SoftmaxOverOneUnit(Fault):
    """A softmax where a sigmoid belongs: over one unit it is 1 for every input."""

    rule = "softmax-over-one-unit"
    tasks: ClassVar[tuple[Task, ...]] = (TUMOURS, DIGITS_ODD, SYMBOLS_UPPER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_ending_in(task, lambda: nn.Softmax(dim=1)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_ending_in(task, nn.Sigmoid), seed)


def _ending_in(task: Task, activation: Callable[[], nn.Module]) -> Task:
    def network() -> nn.Module:
        scores = task.network()
        layers = scores if isinstance(scores, nn.Sequential) else (scores,)
        return nn.Sequential(*layers, activation())

    name = f"{task.name}-probability"
    return replace(task, name=name, network=network, loss_function=nn.BCELoss)
