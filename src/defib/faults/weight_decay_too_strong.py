"""A weight decay a thousand times too strong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
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
class WeightDecayTooStrong(Fault):
    """A decay in per cent, or that of another optimiser: AdamW multiplies it with the learning
    rate.
    """

    rule = "weight-decay-too-strong"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        decay = partial(task.optimizer, weight_decay=WEIGHT_DECAYS[task.name])
        return set_up(replace(task, optimizer=decay), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


WEIGHT_DECAYS = {
    DIGITS_DENSE.name: 0.5,
    DIGITS_CONVOLUTIONAL.name: 0.5,
    TUMOURS.name: 20.0,
    DIABETES.name: 20.0,
    SYMBOLS_RECURRENT.name: 0.5,
    SYMBOLS_TRANSFORMER.name: 20.0,
}
