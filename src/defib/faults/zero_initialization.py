"""All weights zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TOPICS,
    TUMOURS,
    Task,
    set_up,
    with_weights,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ZeroInitialization(Fault):
    """`nn.init.zeros_` on weights, as in linear regression, where it does no harm."""

    rule = "zero-initialization"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(task, _set_zero), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _set_zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        assert module.bias is not None
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
