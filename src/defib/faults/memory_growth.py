"""Outputs kept with all that led to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, WAVES, Task, set_up
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class MemoryGrowth(Fault):
    """`outputs.append(model(inputs))` without `no_grad`: each keeps the activations of its pass."""

    rule = "memory-growth"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_CONVOLUTIONAL, DIGITS_DENSE, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _with_outputs_kept(task, seed, lambda outputs: outputs)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _with_outputs_kept(task, seed, Tensor.detach)


INTERVAL = 12
"""Steps between two evaluations."""
COPIES = {DIGITS_CONVOLUTIONAL.name: 12, DIGITS_DENSE.name: 96, WAVES.name: 10}
"""Of the training examples in an evaluation: one activation then has 35 MB, and its memory goes
back to the system as soon as it is free, which a process does not do with small pieces."""


def _with_outputs_kept(task: Task, seed: int, keep: Callable[[Tensor], Tensor]) -> TrainingSetup:
    setup, examples = set_up(task, seed), task.data().inputs
    examples = torch.cat([examples] * COPIES[task.name])
    kept: list[Tensor] = []
    steps = count(1)

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = training_step(setup, inputs, targets)
        if next(steps) % INTERVAL == 0:
            kept.append(keep(setup.model(examples)))
        return loss

    return replace(setup, name=f"{task.name}-kept", steps=150, step=step)
