"""A head that was replaced after the optimiser was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TOPICS,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ParameterNotInOptimizer(Fault):
    """Transfer learning in the wrong order: the optimiser still holds the old head."""

    rule = "parameter-not-in-optimizer"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_CONVOLUTIONAL,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
        DIGITS_CENTERS,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(task, seed)
        old = setup.model.head
        assert isinstance(old, nn.Linear)
        setup.model.head = nn.Linear(old.in_features, old.out_features)
        return setup

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
