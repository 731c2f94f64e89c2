"""Validation data as they come from the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.datasets.bundled import Split, breast_cancer, diabetes
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ValidationNotPreprocessed(Fault):
    """The scaling stands in the training's branch only, and the validation data stay in their
    units.
    """

    rule = "evaluation-far-off"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, RAW[task.name]), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _pixels(split: Split) -> Split:
    return replace(split, validation_inputs=255 * split.validation_inputs)


RAW: dict[str, Callable[[Split], Split]] = {
    DIGITS_DENSE.name: _pixels,
    DIGITS_CONVOLUTIONAL.name: _pixels,
    TUMOURS.name: lambda split: replace(split, validation_inputs=breast_cancer().validation_inputs),
    DIABETES.name: lambda split: replace(split, validation_inputs=diabetes().validation_inputs),
}
