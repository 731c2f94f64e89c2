"""Inputs and targets that were shuffled apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LossPlateau(Fault):
    """Two loaders that shuffle on their own, one for inputs and one for targets.

    Nothing in the network is wrong, and there is nothing to learn.
    """

    rule = "loss-plateau"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        TUMOURS,
        DIABETES,
        SYMBOLS_TRANSFORMER,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        setup, split = set_up(task, seed), task.data()
        generator = torch.Generator().manual_seed(seed)

        def shuffled(values: Tensor) -> DataLoader:
            return DataLoader(
                values,  # pyright: ignore[reportArgumentType]  # a tensor is a sequence
                batch_size=task.batch_size,
                shuffle=True,
                generator=generator,
            )

        inputs, targets = shuffled(split.inputs), shuffled(split.targets)
        return replace(setup, batches=lambda _: zip(inputs, targets, strict=True))

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)
