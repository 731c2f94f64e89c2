"""Gradients clipped before `backward`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import Tensor, nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ClippingBeforeBackward(Fault):
    """`clip_grad_norm_` right after `zero_grad`, where it clips nothing. The twin clips after
    `backward`.
    """

    rule = "clipping-before-backward"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_fast(task), seed), step=_clipped_too_early)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_fast(task), seed), step=_clipped)


LIMIT = 0.1


def _fast(task: Task) -> Task:
    """A learning rate that needs the clipping."""
    optimizer = partial(SGD, lr=0.5, momentum=0.9)
    return replace(task, name=f"{task.name}-fast-and-clipped", optimizer=optimizer)


def _clipped_too_early(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    setup.optimizer.zero_grad()
    nn.utils.clip_grad_norm_(setup.model.parameters(), LIMIT)
    loss = setup.loss_function(setup.model(inputs), targets)
    loss.backward()
    setup.optimizer.step()
    return loss


def _clipped(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    setup.optimizer.zero_grad()
    loss = setup.loss_function(setup.model(inputs), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(setup.model.parameters(), LIMIT)
    setup.optimizer.step()
    return loss
