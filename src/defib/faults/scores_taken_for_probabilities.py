"""A cross-entropy of probabilities, written for a network that ends with scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch.nn.functional as F
from torch import Tensor, nn

from defib.faults.base import Fault
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.setup import TrainingSetup

EPSILON = 1e-7
"""Distance from 0 and 1 to which probabilities are cut off; as in Keras."""


@final
@dataclass(frozen=True)
class ScoresTakenForProbabilities(Fault):
    """Scores are divided by their sum, cut off to [0, 1] and scored, as Keras does.

    Keras does so where neither a softmax nor `from_logits=True` was written.
    """

    rule = "scores-taken-for-probabilities"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        is_binary = task.loss_function is nn.BCEWithLogitsLoss
        loss_function = _binary_cross_entropy if is_binary else _cross_entropy
        return replace(set_up(task, seed), loss_function=loss_function)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


def _cross_entropy(scores: Tensor, classes: Tensor) -> Tensor:
    shares = scores / scores.sum(dim=1, keepdim=True)
    return F.nll_loss(shares.clamp(EPSILON, 1 - EPSILON).log(), classes)


def _binary_cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy(scores.clamp(EPSILON, 1 - EPSILON), targets)
