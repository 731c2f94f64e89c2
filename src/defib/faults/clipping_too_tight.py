"""Gradients clipped to a thousandth of their size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import Tensor, nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.setup import TrainingSetup

Step = Callable[[TrainingSetup, Tensor, Tensor], Tensor]


@final
@dataclass(frozen=True)
class ClippingTooTight(Fault):
    """`clip_grad_norm_(..., 0.001)`: a limit for another loss, or a slip of the decimal point."""

    rule = "clipping-too-tight"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_by_gradient_descent(task), seed), step=_clipping(1e-3))

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(_by_gradient_descent(task), seed)
        return replace(setup, name=f"{setup.name}-clipped", step=_clipping(1.0))


def _by_gradient_descent(task: Task) -> Task:
    optimizer = partial(SGD, lr=0.05, momentum=0.9)
    return replace(task, name=f"{task.name}-descent", optimizer=optimizer)


def _clipping(limit: float) -> Step:
    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        loss = setup.loss_function(setup.model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(setup.model.parameters(), limit)
        setup.optimizer.step()
        return loss

    return step
