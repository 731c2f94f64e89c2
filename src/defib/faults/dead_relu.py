"""Biases so low that the ReLU units never fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import (
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
class DeadReLU(Fault):
    """The bias that detectors give to their last layer, set on every layer.

    -log((1 - p) / p) for a prior p of 1 %: no hidden unit reaches 0.
    """

    rule = "dead-relu"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
        TOPICS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(task, _set_prior_bias), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


PRIOR_BIAS = -4.595
"""-log((1 - 0.01) / 0.01); Lin et al., Focal Loss for Dense Object Detection (2017)."""


def _set_prior_bias(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        assert module.bias is not None
        nn.init.constant_(module.bias, PRIOR_BIAS)
