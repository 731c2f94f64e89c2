"""A target in another unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CENTERS, WAVES, Task, set_up, with_data
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LossSpike(Fault):
    """One target of the training set is a hundred times too large: a missing decimal point."""

    rule = "loss-spike"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES, DIGITS_CENTERS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, _with_outlier), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _with_outlier(split: Split) -> Split:
    targets = split.targets.clone()
    targets[7] = 100 * targets[7]
    return replace(split, targets=targets)
