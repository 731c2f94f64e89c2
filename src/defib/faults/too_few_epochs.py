"""A training that ends as soon as it has begun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class TooFewEpochs(Fault):
    """One or two epochs where ten are needed."""

    rule = "too-few-epochs"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, SYMBOLS_TRANSFORMER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), steps=STEPS, validation_interval=10)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


STEPS = 60
