"""Targets in their own unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.datasets.bundled import Split, diabetes
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, Task, set_up, with_data
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class UnscaledTarget(Fault):
    """The progression of the disease as it was measured, from 25 to 346, and a usual learning
    rate.
    """

    rule = "unscaled-target"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, _in_their_unit), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _in_their_unit(split: Split) -> Split:
    raw = diabetes()
    return replace(split, targets=raw.targets, validation_targets=raw.validation_targets)
