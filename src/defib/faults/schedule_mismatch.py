"""A scheduler that is planned in epochs and stepped at every step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor
from torch.optim.lr_scheduler import StepLR

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup

EPOCHS_PER_DECAY = 5
DECAY = 0.5


@final
@dataclass(frozen=True)
class ScheduleMismatch(Fault):
    """`scheduler.step()` stands inside the loop over the batches instead of after it.

    A learning rate that was to be halved every five epochs is halved every five steps.
    """

    rule = "schedule-mismatch"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _decaying(task, seed, steps_per_call=1)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _decaying(task, seed, steps_per_call=len(task.data().inputs) // task.batch_size)


def _decaying(task: Task, seed: int, *, steps_per_call: int) -> TrainingSetup:
    setup = set_up(task, seed)
    schedule = StepLR(setup.optimizer, step_size=EPOCHS_PER_DECAY, gamma=DECAY)
    steps_done = 0

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        nonlocal steps_done
        loss = training_step(setup, inputs, targets)
        steps_done += 1
        if steps_done % steps_per_call == 0:
            schedule.step()
        return loss

    return replace(setup, name=f"{task.name}-step-decay", step=step)
