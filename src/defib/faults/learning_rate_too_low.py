"""A learning rate thousands of times too low."""

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
class LearningRateTooLow(Fault):
    """A learning rate for fine-tuning, or one less zero before the point than meant."""

    rule = "learning-rate-too-low"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_TRANSFORMER,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        slow = partial(task.optimizer, lr=LEARNING_RATES[task.name])
        return set_up(replace(task, optimizer=slow), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


LEARNING_RATES = {
    DIGITS_DENSE.name: 1e-6,
    DIGITS_CONVOLUTIONAL.name: 1e-5,
    TUMOURS.name: 1e-6,
    DIABETES.name: 1e-6,
    SYMBOLS_TRANSFORMER.name: 1e-7,
    DIGITS_AUTOENCODER.name: 1e-6,
    DIGITS_CENTERS.name: 1e-6,
    TOPICS.name: 1e-5,
    WAVES.name: 1e-6,
}
