"""Layers with nothing between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor, nn

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CENTERS, DIGITS_DENSE, DIGITS_ODD, Task, set_up, with_inputs
from defib.networks.dense import dense_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class MissingNonlinearity(Fault):
    """A stack of linear layers: `nn.Linear` after `nn.Linear`, the activations forgotten.

    Half of the digits are light on dark, half dark on light: no linear function of the pixels
    tells them apart.
    """

    rule = "missing-nonlinearity"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_ODD, DIGITS_CENTERS)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_either_contrast(task, nn.Identity), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_either_contrast(task, nn.ReLU), seed)


OUTPUTS: Mapping[str, int] = {
    DIGITS_DENSE.name: 10,
    DIGITS_ODD.name: 1,
    DIGITS_CENTERS.name: 2,
}


def _either_contrast(task: Task, activation: Callable[[], nn.Module]) -> Task:
    contrasts = replace(
        task,
        name=f"{task.name}-either-contrast",
        network=lambda: dense_network((64, 64, 32, OUTPUTS[task.name]), activation),
    )
    return with_inputs(contrasts, _half_inverted)


def _half_inverted(images: Tensor) -> Tensor:
    images = images.clone()
    images[::2] = images.amax() - images[::2]
    return images
