"""Measures predictions and targets, of one step or of several at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from defib.discovery.losses import LossReading
from defib.metrics.batch_spread import batch_spread
from defib.metrics.label_counts import label_counts
from defib.metrics.label_mix_loss import (
    label_mix_binary_cross_entropy,
    label_mix_cross_entropy,
    label_mix_squared_error,
)
from defib.metrics.moments import moments
from defib.metrics.one_hot import is_one_hot, one_hot_accuracy
from defib.metrics.outside_zero_one import outside_zero_one
from defib.metrics.recognized_of_each_class import (
    MAXIMUM_CLASSES,
    recognized_of_each_class,
)
from defib.monitor.transfer import Collector, is_true

_OF_CLASSES = ("cross-entropy", "negative-log-likelihood")
"""Kinds of losses whose targets are numbers of classes."""


def observe_loss(
    reading: LossReading, optimizer: str, into: Collector, *, is_of_steps: bool = False
) -> None:
    """Predictions and targets of the loss function.

    With `is_of_steps` those of several steps at once: their tensors have an axis of steps before
    all others, and so has what is collected. The loss may then leave out no target.
    """
    predictions, targets = reading.predictions, reading.targets
    if predictions is None or not predictions.is_floating_point() or predictions.numel() == 0:
        return
    observer = _LossObserver(reading, optimizer, into, kept=int(is_of_steps))
    predictions = predictions.float()
    observer.predictions(predictions)
    if targets is None:
        return
    if reading.kind in _OF_CLASSES:
        observer.classes(predictions, targets)
    elif targets.shape == predictions.shape:
        observer.values(predictions, targets.float())


def leaves_none_out(reading: LossReading) -> bool:
    """Whether every target counts; `False` only for losses of classes."""
    if reading.kind not in _OF_CLASSES or reading.targets is None:
        return True
    return is_true(_counting(reading, reading.targets).all())


def accuracy_of_one_hot(outputs: Tensor, targets: Tensor, kept: int = 0) -> Tensor | None:
    """`one_hot_accuracy` where the targets are classes; `None` where they are numbers.

    The first `kept` axes are no part of the tables: there is one accuracy for each entry.
    """
    is_table = targets.ndim == 2 + kept and targets.shape[-1] > 1
    if not is_table or targets.shape != outputs.shape or not is_true(is_one_hot(targets)):
        return None
    return one_hot_accuracy(outputs, targets)


@final
@dataclass(frozen=True)
class _LossObserver:
    """Measures for the steps of `optimizer`. The first `kept` axes are those of the steps."""

    reading: LossReading
    optimizer: str
    into: Collector
    kept: int

    def predictions(self, predictions: Tensor) -> None:
        """Their values alone."""
        self.into.add_moments("prediction", self.optimizer, moments(predictions, self.kept))
        self._add("prediction_batch_std", batch_spread(predictions, self.kept))
        if self.reading.probabilities is not None:
            outside = outside_zero_one(self.reading.probabilities.float(), self.kept)
            self._add("prediction_share_outside", outside)

    def classes(self, predictions: Tensor, targets: Tensor) -> None:
        """Scores of classes, and numbers of classes."""
        if predictions.ndim != targets.ndim + 1 or predictions.ndim < 2 + self.kept:
            return
        steps, classes = predictions.shape[: self.kept], predictions.shape[1 + self.kept]
        # Sequences and images give one prediction for each position.
        scores = predictions.movedim(1 + self.kept, -1).reshape(*steps, -1, classes)
        labels = targets.reshape(*steps, -1)
        if not self.kept:
            counting = _counting(self.reading, labels)
            if not is_true(counting.all()):
                scores, labels = scores[counting], labels[counting]
        guesses = scores.argmax(dim=-1)
        self._add("accuracy", (guesses == labels).float().mean(dim=-1))
        if classes > MAXIMUM_CLASSES:
            return
        counts = label_counts(guesses, classes, self.kept)
        self._add("prediction_top_share", counts.amax(dim=-1) / guesses.shape[-1])
        self._labels(guesses, labels, classes)
        self._add("label_mix_loss", label_mix_cross_entropy(scores, labels))

    def values(self, predictions: Tensor, targets: Tensor) -> None:
        """Numbers, and as many numbers that they should be."""
        self.into.add_moments("target", self.optimizer, moments(targets, self.kept))
        if self.reading.kind == "mean-squared-error":
            mix = label_mix_squared_error(predictions, targets, self.kept)
            self._add("label_mix_loss", mix)
            accuracy = accuracy_of_one_hot(predictions, targets, self.kept)
            if accuracy is not None:
                self._add("accuracy", accuracy)
        elif self.reading.kind == "binary-cross-entropy":
            self._binary(predictions, targets)

    def _binary(self, predictions: Tensor, targets: Tensor) -> None:
        has_logits = self.reading.has_logits
        logits = predictions if has_logits else torch.logit(predictions, eps=1e-6)
        positive = targets > 0.5
        guesses = logits > 0
        axes = tuple(range(self.kept, targets.ndim))
        self._add("accuracy", (guesses == positive).float().mean(dim=axes))
        # Several outputs are several questions, each with a label mix of its own.
        if math.prod(targets.shape[self.kept :]) != targets.shape[self.kept]:
            return
        share = guesses.float().mean(dim=axes)
        self._add("prediction_top_share", torch.maximum(share, 1 - share))
        flat = [each.flatten(self.kept).long() for each in (guesses, positive)]
        self._labels(*flat, classes=2)
        mix = label_mix_binary_cross_entropy(logits, targets, self.kept)
        self._add("label_mix_loss", mix)

    def _labels(self, guesses: Tensor, labels: Tensor, classes: int) -> None:
        """Of each class how many examples there are, and how many of them are recognised."""
        names = [str(label) for label in range(classes)]
        tallies = recognized_of_each_class(guesses, labels, classes, self.kept)
        if tallies is None:
            self.into.add_all("label_count", names, label_counts(labels, classes, self.kept))
        else:
            self.into.add_all("label_count", names, tallies.sum(dim=-1))
            self.into.add_all("label_recognized", names, tallies[..., 1])

    def _add(self, metric: str, value: Tensor) -> None:
        self.into.add(metric, self.optimizer, value)


def _counting(reading: LossReading, labels: Tensor) -> Tensor:
    """Which labels the loss does not leave out."""
    counting = labels >= 0
    if reading.ignored_target is not None and reading.ignored_target >= 0:
        counting &= labels != reading.ignored_target
    return counting
