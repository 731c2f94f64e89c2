"""Validation data that are easier than the training data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch

from defib.datasets.bundled import Split
from defib.datasets.sequences import waves
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    WAVES,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup

EASY = 0
"""The digit that networks tell from all others first."""


@final
@dataclass(frozen=True)
class EvaluationBeatsTraining(Fault):
    """The split was not drawn at random.

    All images for validation show one and the same digit, all waves were measured without noise.
    """

    rule = "evaluation-beats-training"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, _measured_well if task is WAVES else _of_one_class), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _of_one_class(split: Split) -> Split:
    chosen = torch.nonzero(split.validation_targets == EASY).flatten()
    return replace(
        split,
        validation_inputs=split.validation_inputs[chosen],
        validation_targets=split.validation_targets[chosen],
    )


def _measured_well(split: Split) -> Split:
    clean = waves(noise=0.0)
    return replace(
        split,
        validation_inputs=clean.validation_inputs,
        validation_targets=clean.validation_targets,
    )
