"""Momentum that remembers a thousand steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, final

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
class ExtremeMomentum(Fault):
    """`betas=(0.999, 0.9)`, the two in the wrong order; with SGD, one nine too many."""

    rule = "extreme-momentum"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, optimizer=partial(task.optimizer, **_settings(task))), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _settings(task: Task) -> dict[str, Any]:
    is_descent = task is DIGITS_CONVOLUTIONAL
    return {"momentum": 0.999} if is_descent else {"betas": (0.999, 0.9)}
