"""Images that an integer division turned black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    Task,
    set_up,
    with_inputs,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ConstantOutput(Fault):
    """`images // 255`: the network is shown zeros, and gives one answer.

    The record shows what the output does, and not that the images were once others.
    """

    rule = "constant-output"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_inputs(task, _divide_integers), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _divide_integers(images: Tensor) -> Tensor:
    pixels = (254 * images).to(torch.uint8)
    return (pixels // 255).float()
