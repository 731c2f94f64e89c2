"""Targets without the axis that predictions have."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch.nn.functional as F
from torch import Tensor, nn

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CENTERS, WAVES, Task, set_up, with_data
from defib.networks.convolutional import ConvolutionalNetwork
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LossBroadcasting(Fault):
    """Predictions (N, 1) against targets (N): each is compared with all, and PyTorch only warns."""

    rule = "loss-broadcasting"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES, DIGITS_CENTERS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_of_one_number(task), seed), loss_function=_stretched)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_of_one_number(task), seed)


def _of_one_number(task: Task) -> Task:
    """`task`; of the centres of digits only how far to the right they are."""
    if task is not DIGITS_CENTERS:
        return task
    name = f"{task.name}-to-the-right"
    return with_data(replace(task, name=name, network=_network), _to_the_right)


def _network() -> nn.Module:
    return ConvolutionalNetwork(classes=1)


def _to_the_right(split: Split) -> Split:
    return replace(
        split,
        targets=split.targets[:, :1],
        validation_targets=split.validation_targets[:, :1],
    )


def _stretched(predictions: Tensor, targets: Tensor) -> Tensor:
    with warnings.catch_warnings():
        # As those do who silence the warnings of their libraries.
        warnings.simplefilter("ignore")
        return F.mse_loss(predictions, targets.squeeze(1))
