"""Sixteen small batches for each step, and no division."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class AccumulationNotAveraged(Fault):
    """`loss.backward()` where `(loss / 16).backward()` is meant: the gradient is 16 times too
    large.
    """

    rule = "accumulation-not-averaged"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_by_gradient_descent(task), seed), step=partial(_step, divisor=1))

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_by_gradient_descent(task), seed), step=partial(_step, divisor=PARTS))


PARTS = 16


def _by_gradient_descent(task: Task) -> Task:
    optimizer = partial(SGD, lr=0.1, momentum=0.9)
    return replace(task, name=f"{task.name}-accumulated", optimizer=optimizer, batch_size=4 * PARTS)


def _step(setup: TrainingSetup, inputs: Tensor, targets: Tensor, *, divisor: int) -> Tensor:
    setup.optimizer.zero_grad()
    losses: list[Tensor] = []
    for part, wanted in zip(inputs.chunk(PARTS), targets.chunk(PARTS), strict=True):
        loss = setup.loss_function(setup.model(part), wanted)
        (loss / divisor if divisor > 1 else loss).backward()
        losses.append(loss.detach())
    setup.optimizer.step()
    return torch.stack(losses).mean()
