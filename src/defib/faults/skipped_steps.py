"""Missing values behind a gradient scaler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_DENSE, TUMOURS, Task, set_up, with_data
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SkippedSteps(Fault):
    """A few rows hold `nan`: the scaler skips each batch with one of them, without a word."""

    rule = "skipped-steps"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _scaled(with_data(task, _with_missing_values), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _scaled(task, seed)


MISSING_ONE_IN = 40


def _with_missing_values(split: Split) -> Split:
    inputs = split.inputs.clone()
    inputs.flatten(1)[::MISSING_ONE_IN, 3] = torch.nan
    return replace(split, inputs=inputs)


def _scaled(task: Task, seed: int) -> TrainingSetup:
    scaler = torch.amp.GradScaler("cpu")

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        loss = setup.loss_function(setup.model(inputs), targets)
        scaler.scale(loss).backward()
        scaler.step(setup.optimizer)
        scaler.update()
        return loss

    return replace(set_up(task, seed), name=f"{task.name}-scaled", step=step)
