"""The columns that matter are left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_DENSE, Task, set_up, with_inputs
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class Underfitting(Fault):
    """A slice that keeps too little: three of ten measurements, or the upper edge of an image."""

    rule = "underfitting"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES, DIGITS_DENSE)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(with_inputs(task, _sliced), seed), steps=STEPS)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(task, seed)
        return replace(setup, name=f"{setup.name}-long", steps=STEPS)


STEPS = 500
MEASUREMENTS = (0, 1, 3)
"""Columns kept of the ten: age, sex and blood pressure."""


def _sliced(inputs: Tensor) -> Tensor:
    """What is left out is 0."""
    kept = torch.zeros_like(inputs)
    if inputs.ndim == 2:
        kept[:, MEASUREMENTS] = inputs[:, MEASUREMENTS]
    else:
        kept[:, :, :1] = inputs[:, :, :1]
    return kept
