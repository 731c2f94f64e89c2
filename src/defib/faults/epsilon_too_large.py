"""Adam with an epsilon of 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class EpsilonTooLarge(Fault):
    """`eps=1.0`, which TensorFlow's documentation once advised for Inception, at a usual learning
    rate.
    """

    rule = "epsilon-too-large"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        TUMOURS,
        DIABETES,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, optimizer=partial(task.optimizer, eps=1.0)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
