"""The first batch, again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SameBatchEveryStep(Fault):
    """`next(iter(loader))` inside the loop: each step begins a new pass over the data."""

    rule = "same-batch-every-step"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        setup = set_up(replace(task, is_shuffled=False), seed)
        loader = setup.batches(0)
        return replace(setup, batches=lambda _: [next(iter(loader))])

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
