"""A class that hardly occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from defib.datasets.bundled import Split
from defib.datasets.sequences import first_symbols
from defib.faults.base import Fault
from defib.faults.tasks import (
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ClassImbalance(Fault):
    """Rare cases as rare as they come from the field, and a plain loss."""

    rule = "class-imbalance"
    tasks: ClassVar[tuple[Task, ...]] = (SYMBOLS_RECURRENT, SYMBOLS_TRANSFORMER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, lambda _: _imbalanced(first_symbols(40_000))), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


RARE_EXAMPLES = 6
"""Kept of each class but the first, which has 4000."""


def _imbalanced(split: Split) -> Split:
    kept, held_out = _rarely(split.targets), _rarely(split.validation_targets)
    return Split(
        split.inputs[kept],
        split.targets[kept],
        split.validation_inputs[held_out],
        split.validation_targets[held_out],
    )


def _rarely(targets: Tensor) -> Tensor:
    """Which examples are kept: all of the first class, and few of each other."""
    kept = targets == 0
    for label in targets.unique():
        kept[(targets == label).nonzero()[:RARE_EXAMPLES]] = True
    return kept
