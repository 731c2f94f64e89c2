"""Batch normalisation whose running statistics do not move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, Task, set_up, with_inputs, with_weights
from defib.networks.normalized import normalized_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class BatchNormalizationLags(Fault):
    """`momentum=0.0`, in order to do without: in PyTorch it is the weight of the new batch.

    The statistics for evaluation stay those of the start, mean 0 and variance 1.
    """

    rule = "evaluation-far-off"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_CONVOLUTIONAL,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_normalized(task), _set_momentum), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_normalized(task), seed)


def _normalized(task: Task) -> Task:
    return with_inputs(
        replace(
            task,
            name=f"{task.name}-normalized",
            network=lambda: nn.Sequential(nn.BatchNorm2d(1), normalized_network()),
        ),
        lambda images: 255 * images,
    )


def _set_momentum(module: nn.Module) -> None:
    if isinstance(module, nn.BatchNorm2d):
        module.momentum = 0.0
