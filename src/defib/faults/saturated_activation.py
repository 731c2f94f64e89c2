"""Tanh and sigmoid units behind weights from a standard normal distribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch import nn
from torch.optim import SGD

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    TUMOURS,
    WAVES,
    Task,
    set_up,
    with_weights,
)
from defib.networks.dense import dense_network
from defib.networks.forecasting import Forecaster
from defib.networks.recurrent import RecurrentNetwork
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class SaturatedActivation(Fault):
    """`torch.randn(outputs, inputs)` as weights, without the division by the square root.

    Most pre-activations are then far out in the flat ends of the tanh.
    """

    rule = "saturated-activation"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, SYMBOLS_RECURRENT, TUMOURS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_with_tanh(task), _set_normal), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_with_tanh(task), seed)


def _with_tanh(task: Task) -> Task:
    name = f"{task.name}-tanh"
    if task is SYMBOLS_RECURRENT:
        network = partial(RecurrentNetwork, width=64)
        return replace(task, name=name, network=network)
    if task is WAVES:
        return replace(task, name=name, network=partial(Forecaster, width=64))
    return replace(
        task,
        name=name,
        network=lambda: dense_network(WIDTHS[task.name], nn.Tanh),
        optimizer=partial(SGD, lr=0.05, momentum=0.9),
    )


WIDTHS = {
    DIGITS_DENSE.name: (64, 128, 128, 128, 128, 10),
    TUMOURS.name: (30, 128, 128, 128, 128, 1),
}


def _set_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.GRU | nn.LSTM):
        for name, parameter in module.named_parameters():
            if name.startswith("weight"):
                nn.init.normal_(parameter)
