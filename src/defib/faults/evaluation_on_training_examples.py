"""Examples for validation that are among the training's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    WAVES,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup

COPIED = 0.5
"""Share of the examples for validation."""


@final
@dataclass(frozen=True)
class EvaluationOnTrainingExamples(Fault):
    """Two files were joined before the split, and both had the same rows.

    So half of the examples for validation are trained on as well.
    """

    rule = "evaluation-on-training-examples"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(task, _copied), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _copied(split: Split) -> Split:
    count = round(COPIED * len(split.validation_inputs))
    return replace(
        split,
        inputs=torch.cat([split.inputs, split.validation_inputs[:count]]),
        targets=torch.cat([split.targets, split.validation_targets[:count]]),
    )
