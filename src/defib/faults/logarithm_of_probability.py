"""A binary cross-entropy written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_AUTOENCODER,
    DIGITS_ODD,
    TUMOURS,
    Task,
    set_up,
    with_data,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class LogarithmOfProbability(Fault):
    """-(y log p + (1 - y) log(1 - p)): once p rounds to 1, the last term is 0 times -inf.

    Of the pixels of an autoencoder, the corners of every image are white. Not put into sequences:
    no network for them became so sure within its steps.
    """

    rule = "non-finite-value"
    tasks: ClassVar[tuple[Task, ...]] = (TUMOURS, DIGITS_ODD, DIGITS_AUTOENCODER)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return replace(set_up(_fast(task), seed), loss_function=_written_out(task))

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(_fast(task), seed)


def _fast(task: Task) -> Task:
    optimizer = partial(task.optimizer, lr=2e-2)
    task = replace(task, name=f"{task.name}-fast", optimizer=optimizer)
    if task.loss_function is nn.BCEWithLogitsLoss:
        return task
    network = task.network
    of_probabilities = replace(
        task,
        network=lambda: nn.Sequential(network(), nn.Sigmoid()),
        loss_function=nn.BCELoss,
    )
    return with_data(of_probabilities, _on_white_paper)


def _on_white_paper(split: Split) -> Split:
    """Targets with paper of 1 and ink of 0."""
    return replace(
        split, targets=1 - split.targets, validation_targets=1 - split.validation_targets
    )


def _written_out(task: Task) -> Callable[[Tensor, Tensor], Tensor]:
    if task.loss_function is nn.BCEWithLogitsLoss:
        return lambda logits, targets: _cross_entropy(torch.sigmoid(logits), targets)
    return _cross_entropy


def _cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    terms = targets * torch.log(probabilities) + (1 - targets) * torch.log(1 - probabilities)
    return -terms.mean()
