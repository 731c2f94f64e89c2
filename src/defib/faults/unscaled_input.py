"""Features in their own units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

from torch.optim import SGD

from defib.datasets.bundled import Split, breast_cancer, diabetes
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_DENSE,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class UnscaledInput(Fault):
    """Raw columns: areas in the thousands beside smoothness in the hundredths."""

    rule = "unscaled-input"
    tasks: ClassVar[tuple[Task, ...]] = (
        TUMOURS,
        DIABETES,
        DIGITS_DENSE,
        DIGITS_AUTOENCODER,
        DIGITS_CENTERS,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(_by_gradient_descent(task), RAW[task.name]), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_by_gradient_descent(task), seed)


def _as_pixels(split: Split) -> Split:
    """Images with values up to 255."""
    return replace(
        split, inputs=255 * split.inputs, validation_inputs=255 * split.validation_inputs
    )


RAW: dict[str, Callable[[Split], Split]] = {
    TUMOURS.name: lambda _: breast_cancer(),
    DIABETES.name: lambda split: replace(
        split, inputs=diabetes().inputs, validation_inputs=diabetes().validation_inputs
    ),
    DIGITS_DENSE.name: _as_pixels,
    DIGITS_AUTOENCODER.name: _as_pixels,
    DIGITS_CENTERS.name: _as_pixels,
}


def _by_gradient_descent(task: Task) -> Task:
    optimizer = partial(SGD, lr=0.05, momentum=0.9)
    return replace(task, name=f"{task.name}-descent", optimizer=optimizer)
