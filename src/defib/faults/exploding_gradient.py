"""A recurrent network of ReLU units, without gradient clipping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import (
    SYMBOLS_RECURRENT,
    SYMBOLS_UPPER,
    WAVES,
    Task,
    set_up,
)
from defib.networks.forecasting import Forecaster
from defib.networks.recurrent import RecurrentNetwork
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ExplodingGradient(Fault):
    """The recurrence multiplies the gradient by the same weights at every position.

    They start as 1.3 times the identity, a little too large to be remembered by. The twin
    starts as the identity, and clips.
    """

    rule = "exploding-gradient"
    tasks: ClassVar[tuple[Task, ...]] = (SYMBOLS_RECURRENT, SYMBOLS_UPPER, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_plain(task, 1.3), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_plain(task, 1.0), seed), step=_clipped_step)


def _plain(task: Task, scale: float) -> Task:
    return replace(
        task,
        name=f"{task.name}-relu",
        network=lambda: _network(task, scale),
        optimizer=partial(SGD, lr=0.02, momentum=0.9),
    )


NETWORKS: Mapping[str, Callable[..., RecurrentNetwork | Forecaster]] = {
    SYMBOLS_RECURRENT.name: RecurrentNetwork,
    SYMBOLS_UPPER.name: partial(RecurrentNetwork, classes=1),
    WAVES.name: Forecaster,
}


def _network(task: Task, scale: float) -> nn.Module:
    network = NETWORKS[task.name](kind=partial(nn.RNN, nonlinearity="relu"))
    recurrent = network.recurrent.weight_hh_l0
    assert isinstance(recurrent, Tensor)
    with torch.no_grad():
        recurrent.copy_(scale * torch.eye(len(recurrent)))
    return network


def _clipped_step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    setup.optimizer.zero_grad()
    loss = setup.loss_function(setup.model(inputs), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(setup.model.parameters(), 1.0)
    setup.optimizer.step()
    return loss
