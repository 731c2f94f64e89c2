"""Targets that are no probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_DENSE,
    DIGITS_ODD,
    SYMBOLS_UPPER,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.networks.dense import dense_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class NegativeLoss(Fault):
    """Classes counted from 1 in a binary cross-entropy, and pixels up to 16 in an autoencoder's."""

    rule = "negative-loss"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, TUMOURS, DIGITS_ODD, SYMBOLS_UPPER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_data(_binary(task), _out_of_range), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_binary(task), seed)


def _binary(task: Task) -> Task:
    if task is not DIGITS_DENSE:
        return task
    pixels = replace(
        task,
        name=f"{task.name}-pixels",
        network=lambda: dense_network((64, 32, 64)),
        loss_function=nn.BCEWithLogitsLoss,
    )
    return with_data(pixels, _reconstructed)


def _reconstructed(split: Split) -> Split:
    return replace(
        split,
        targets=split.inputs.flatten(1),
        validation_targets=split.validation_inputs.flatten(1),
    )


def _out_of_range(split: Split) -> Split:
    """Classes 1 and 2 instead of 0 and 1; pixels from 0 to 16 instead of 0 to 1."""
    if split.targets.shape[1] == 1:
        change = lambda targets: targets + 1  # noqa: E731
    else:
        change = lambda targets: 16 * targets  # noqa: E731
    return replace(
        split,
        targets=change(split.targets),
        validation_targets=change(split.validation_targets),
    )
