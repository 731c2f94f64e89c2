"""Targets in their own unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor

from defib.datasets.bundled import Split, diabetes
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_AUTOENCODER, WAVES, Task, set_up, with_data
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class UnscaledTarget(Fault):
    """Targets as they were measured, and a usual learning rate.

    The progression of a disease from 25 to 346, the counts of a converter of 12 bits, grey values
    up to 255.
    """

    rule = "unscaled-target"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES, DIGITS_AUTOENCODER, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, UNITS[task.name]), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _as_measured(split: Split) -> Split:
    raw = diabetes()
    return replace(split, targets=raw.targets, validation_targets=raw.validation_targets)


def _in_counts(split: Split) -> Split:
    """A wave of 1 is 1500 counts around the middle of the range of 4096."""
    return _with_targets(split, lambda values: 2048 + 1500 * values)


def _in_grey_values(split: Split) -> Split:
    return _with_targets(split, lambda values: 255 * values)


def _with_targets(split: Split, change: Callable[[Tensor], Tensor]) -> Split:
    return replace(
        split,
        targets=change(split.targets),
        validation_targets=change(split.validation_targets),
    )


UNITS: Mapping[str, Callable[[Split], Split]] = {
    DIABETES.name: _as_measured,
    DIGITS_AUTOENCODER.name: _in_grey_values,
    WAVES.name: _in_counts,
}
