"""Ten times as many epochs as needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    DIGITS_ODD,
    TOPICS,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class Overtraining(Fault):
    """A number of epochs from a larger data set, and nobody who stops.

    Not put into the small tables: ten times as many epochs overfit there, another fault.
    """

    rule = "overtraining"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        DIGITS_ODD,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), steps=10 * task.steps)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
