"""Batch normalisation whose running statistics do not move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import nn

from defib.datasets.bundled import Split, breast_cancer, diabetes
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    TUMOURS,
    Task,
    set_up,
    with_data,
    with_inputs,
    with_weights,
)
from defib.networks.normalized import normalized_network
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class BatchNormalizationLags(Fault):
    """`momentum=0.0`, in order to do without: in PyTorch it is the weight of the new batch.

    The first layer is to scale what was measured: pixels up to 255, patients in their own units.

    The statistics for evaluation stay those of the start, mean 0 and variance 1.
    """

    rule = "evaluation-far-off"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(with_weights(_normalized(task), _set_momentum), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_normalized(task), seed)


def _normalized(task: Task) -> Task:
    name = f"{task.name}-normalized"
    if task is DIGITS_CONVOLUTIONAL:
        images = replace(task, name=name, network=_of_images)
        return with_inputs(images, lambda images: 255 * images)
    table = replace(task, name=name, network=lambda: _of_features(task))
    return with_data(table, lambda split: _as_measured(split, MEASURED[task.name]()))


def _of_images() -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(1), normalized_network())


def _of_features(task: Task) -> nn.Module:
    features = task.data().inputs.shape[1]
    return nn.Sequential(nn.BatchNorm1d(features), task.network())


MEASURED: Mapping[str, Callable[[], Split]] = {
    TUMOURS.name: breast_cancer,
    DIABETES.name: diabetes,
}


def _as_measured(split: Split, raw: Split) -> Split:
    """The targets of `split`, and features in their own units."""
    return replace(split, inputs=raw.inputs, validation_inputs=raw.validation_inputs)


def _set_momentum(module: nn.Module) -> None:
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        module.momentum = 0.0
