"""A class that hardly occurs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from torch import Tensor

from defib.datasets.bundled import Split
from defib.datasets.sequences import first_symbols, topic_words
from defib.faults.base import Fault
from defib.faults.tasks import (
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    SYMBOLS_UPPER,
    TOPICS,
    Task,
    set_up,
    upper_symbols,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ClassImbalance(Fault):
    """Rare cases as rare as they come from the field, and a plain loss."""

    rule = "class-imbalance"
    tasks: ClassVar[tuple[Task, ...]] = (
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
        SYMBOLS_UPPER,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, lambda _: _imbalanced(MANY[task.name]())), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


MANY: Mapping[str, Callable[[], Split]] = {
    SYMBOLS_RECURRENT.name: partial(first_symbols, 40_000),
    SYMBOLS_TRANSFORMER.name: partial(first_symbols, 40_000),
    SYMBOLS_UPPER.name: partial(upper_symbols, 10_000),
    TOPICS.name: partial(topic_words, 20_000),
}
RARE_EXAMPLES = 6
"""Kept of each class but the first, which has 4000 or so."""


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
    targets = targets.flatten()
    kept = targets == 0
    for label in targets.unique():
        kept[(targets == label).nonzero()[:RARE_EXAMPLES]] = True
    return kept
