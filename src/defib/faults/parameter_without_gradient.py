"""Features that are detached before the last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    TOPICS,
    TUMOURS,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ParameterWithoutGradient(Fault):
    """A `detach()` that was to save memory, or came along from an evaluation."""

    rule = "parameter-without-gradient"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        SYMBOLS_RECURRENT,
        DIGITS_CENTERS,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(task, seed)
        *_, last = setup.model.children()
        last = last if isinstance(last, nn.Linear) else setup.model.head
        assert isinstance(last, nn.Linear)
        last.register_forward_pre_hook(_detached)
        return setup

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _detached(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(each.detach() for each in inputs)
