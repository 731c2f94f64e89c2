"""A division by the standard deviation of a pixel that never changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class NonFiniteValue(Fault):
    """Standardisation without an epsilon: a border pixel is 0 on every image, and 0 / 0."""

    rule = "non-finite-value"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, partial(_standardized, epsilon=0.0)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        standardized = with_data(task, partial(_standardized, epsilon=0.1))
        return set_up(replace(standardized, name=f"{task.name}-standardized"), seed)


def _standardized(split: Split, epsilon: float) -> Split:
    center, scale = split.inputs.mean(0), split.inputs.std(0) + epsilon
    return replace(
        split,
        inputs=(split.inputs - center) / scale,
        validation_inputs=(split.validation_inputs - center) / scale,
    )
