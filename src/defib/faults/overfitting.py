"""A large network on few examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_DENSE,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.networks.dense import dense_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class Overfitting(Fault):
    """A network with more parameters than the data can determine, trained to the end."""

    rule = "overfitting"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        few = with_data(task, _few)
        large = replace(few, network=lambda: dense_network(WIDTHS[task.name]))
        return replace(set_up(large, seed), validation_interval=INTERVAL)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), validation_interval=INTERVAL)


EXAMPLES = 60
INTERVAL = 20
"""Steps between evaluations."""
WIDTHS = {
    DIGITS_DENSE.name: (64, 256, 256, 10),
    TUMOURS.name: (30, 256, 256, 1),
    DIABETES.name: (10, 256, 256, 1),
}


def _few(split: Split) -> Split:
    return replace(split, inputs=split.inputs[:EXAMPLES], targets=split.targets[:EXAMPLES])
