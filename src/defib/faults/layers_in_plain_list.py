"""Layers kept in a plain Python list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor, nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_DENSE,
    TOPICS,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LayersInPlainList(Fault):
    """`self.hidden = [nn.Linear(...), ...]`: `parameters()` does not know what is in a list."""

    rule = "parameter-not-in-optimizer"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIABETES, TOPICS)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, network=lambda: _Network(task.network())), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


class _Network(nn.Module):
    """The layers of a sequential network, all but the last in a list."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        *hidden, self.last = network.children()
        self.hidden = hidden

    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.last(inputs)
