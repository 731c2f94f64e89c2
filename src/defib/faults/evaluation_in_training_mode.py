"""An evaluation without `eval()`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.networks.transformer import TransformerNetwork
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class EvaluationInTrainingMode(Fault):
    """`torch.no_grad()` alone: dropout goes on, and batch normalisation takes the validation
    batch.
    """

    rule = "evaluation-in-training-mode"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _evaluated_by_hand(task, seed, is_in_evaluation_mode=False)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _evaluated_by_hand(task, seed, is_in_evaluation_mode=True)


NETWORKS = {
    DIGITS_DENSE.name: lambda: dense_network((64, 128, 64, 10), dropout=0.5),
    DIGITS_CONVOLUTIONAL.name: normalized_network,
    TUMOURS.name: lambda: dense_network((30, 32, 16, 1), dropout=0.5),
    SYMBOLS_TRANSFORMER.name: lambda: TransformerNetwork(dropout=0.1),
}
INTERVAL = 50
"""Steps between evaluations."""


def _evaluated_by_hand(task: Task, seed: int, *, is_in_evaluation_mode: bool) -> TrainingSetup:
    setup = set_up(replace(task, network=NETWORKS[task.name]), seed)
    validation, steps = setup.validation, count(1)
    assert validation is not None

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = training_step(setup, inputs, targets)
        if next(steps) % INTERVAL == 0:
            setup.model.train(not is_in_evaluation_mode)
            with torch.no_grad():
                setup.loss_function(setup.model(validation[0]), validation[1])
            setup.model.train()
        return loss

    return replace(setup, name=f"{task.name}-evaluated-by-hand", validation=None, step=step)
