"""Examples sorted by class and never shuffled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TOPICS,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LabelOrderedBatches(Fault):
    """A loader without `shuffle=True` over files that were listed folder by folder."""

    rule = "label-ordered-batches"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(with_data(task, _sorted_by_class), is_shuffled=False), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _sorted_by_class(split: Split) -> Split:
    order = split.targets.flatten().argsort(stable=True)
    return replace(split, inputs=split.inputs[order], targets=split.targets[order])
