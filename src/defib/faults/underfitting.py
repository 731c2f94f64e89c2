"""The columns that matter are left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    WAVES,
    Task,
    set_up,
    with_inputs,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class Underfitting(Fault):
    """A slice that keeps too little: three of all measurements, the upper edge of an image, the
    last value of a wave.
    """

    rule = "underfitting"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIABETES,
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(with_inputs(task, _sliced), seed), steps=STEPS)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(task, seed)
        return replace(setup, name=f"{setup.name}-long", steps=STEPS)


STEPS = 500
MEASUREMENTS = {10: (0, 1, 3), 30: (11, 14, 18)}
"""Columns kept, by how many there are. Of a patient age, sex and blood pressure; of a tumour the
errors of texture, smoothness and symmetry."""


def _sliced(inputs: Tensor) -> Tensor:
    """What is left out is 0."""
    kept = torch.zeros_like(inputs)
    if inputs.ndim == 2:
        columns = MEASUREMENTS[inputs.shape[1]]
        kept[:, columns] = inputs[:, columns]
    elif inputs.ndim == 3:
        kept[:, -1:] = inputs[:, -1:]
    else:
        kept[:, :, :1] = inputs[:, :, :1]
    return kept
