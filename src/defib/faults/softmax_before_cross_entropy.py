"""A softmax at the end of a network trained by cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TOPICS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SoftmaxBeforeCrossEntropy(Fault):
    """`nn.Softmax` as the last layer, as Keras has it, with `nn.CrossEntropyLoss`."""

    rule = "softmax-before-cross-entropy"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        SYMBOLS_RECURRENT,
        SYMBOLS_TRANSFORMER,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, network=lambda: _with_softmax(task)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _with_softmax(task: Task) -> nn.Module:
    return nn.Sequential(task.network(), nn.Softmax(dim=1))
