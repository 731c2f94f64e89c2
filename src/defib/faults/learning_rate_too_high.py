"""A learning rate hundreds of times too high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TOPICS,
    TUMOURS,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LearningRateTooHigh(Fault):
    """The learning rate of another optimiser, or a misplaced decimal point."""

    rule = "learning-rate-too-high"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        rate = LEARNING_RATES[task.name]
        return set_up(replace(task, optimizer=partial(task.optimizer, lr=rate)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


LEARNING_RATES = {
    DIGITS_DENSE.name: 1.0,
    DIGITS_CONVOLUTIONAL.name: 1.0,
    TUMOURS.name: 2.0,
    DIABETES.name: 2.0,
    SYMBOLS_RECURRENT.name: 0.5,
    SYMBOLS_TRANSFORMER.name: 0.5,
    DIGITS_AUTOENCODER.name: 10.0,
    DIGITS_CENTERS.name: 1.0,
    TOPICS.name: 5.0,
    WAVES.name: 3.0,
}
