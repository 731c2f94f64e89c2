"""An initialisation inside the loop over epochs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar, final

from torch import Tensor, nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class WeightsReinitialized(Fault):
    """`model.apply(initialise)` one line too far to the right: each epoch begins with a new
    network.
    """

    rule = "weights-reinitialized"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        steps = count(1)

        def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
            loss = training_step(setup, inputs, targets)
            if next(steps) % EPOCH[task.name] == 0:
                setup.model.apply(_initialize)
            return loss

        return replace(set_up(task, seed), step=step)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


EPOCH = {
    DIGITS_DENSE.name: 90,
    DIGITS_CONVOLUTIONAL.name: 90,
    TUMOURS.name: 110,
    SYMBOLS_TRANSFORMER.name: 110,
}
"""Steps between two initialisations."""


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d | nn.RNNBase | nn.Embedding):
        module.reset_parameters()
