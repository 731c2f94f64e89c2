"""A step that never sets the gradients to zero."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_AUTOENCODER,
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
class MissingZeroGrad(Fault):
    """`optimizer.zero_grad()` is not there, and each step follows all gradients so far."""

    rule = "missing-zero-grad"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_RECURRENT,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
        TOPICS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), step=_step)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    loss = setup.loss_function(setup.model(inputs), targets)
    loss.backward()
    setup.optimizer.step()
    return loss
