"""A last layer far too large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    TOPICS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class InitialLossOff(Fault):
    """`nn.init.normal_(head.weight)` after a large embedding: sure of wrong
    answers.
    """

    rule = "initial-loss-off"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_CONVOLUTIONAL,
        DIGITS_DENSE,
        SYMBOLS_RECURRENT,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, network=lambda: _with_large_head(task)), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


DEVIATION = 100.0
"""Standard deviation of the weights of the last layer."""


def _with_large_head(task: Task) -> nn.Module:
    network = task.network()
    *_, head = [each for each in network.modules() if isinstance(each, nn.Linear)]
    nn.init.normal_(head.weight, std=DEVIATION)
    return network
