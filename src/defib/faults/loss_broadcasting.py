"""Targets without the axis that predictions have."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, Task, set_up
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LossBroadcasting(Fault):
    """Predictions (N, 1) against targets (N): each is compared with all, and PyTorch only warns."""

    rule = "loss-broadcasting"
    tasks: ClassVar[tuple[Task, ...]] = (DIABETES,)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(task, seed), loss_function=_stretched)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _stretched(predictions: Tensor, targets: Tensor) -> Tensor:
    with warnings.catch_warnings():
        # As those do who silence the warnings of their libraries.
        warnings.simplefilter("ignore")
        return F.mse_loss(predictions, targets.squeeze(1))
