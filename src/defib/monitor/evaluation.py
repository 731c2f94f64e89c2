"""Collects the losses that the user computes without gradients: validation."""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch
from torch import Tensor

from defib.metrics.recognized_of_each_class import balanced_accuracy
from defib.monitor.transfer import Collector
from defib.records.storage import Key

CallPath = tuple[tuple[str, int], ...]
"""File and line of the user's frames, innermost first."""

CLASSES_COUNTED = 100
"""Classes up to which the record says how often each occurs in an evaluation."""


@final
class _Mean:
    def __init__(self) -> None:
        self.total: float | Tensor = 0.0
        self.count = 0.0

    def add(self, value: float | Tensor, weight: float) -> None:
        self.total = self.total + value * weight
        self.count += weight


@final
class Evaluations:
    """Means over one evaluation phase, apart for each path of calls.

    The same `evaluate` function called on training and on validation data is told apart by
    the line that calls it.
    """

    def __init__(self) -> None:
        self._losses: dict[CallPath, _Mean] = {}
        self._accuracies: dict[CallPath, _Mean] = {}
        self._tallies: dict[CallPath, Tensor] = {}
        self._counted: set[CallPath] = set()

    def __bool__(self) -> bool:
        return bool(self._losses)

    def add(
        self,
        path: CallPath,
        loss: float | Tensor,
        accuracy: float | Tensor | None,
        examples: int,
        *,
        tallies: Tensor | None = None,
    ) -> None:
        """One batch: its mean loss, and where they are known its accuracy and `class_tallies`."""
        self._losses.setdefault(path, _Mean()).add(loss, examples)
        if accuracy is not None:
            self._accuracies.setdefault(path, _Mean()).add(accuracy, examples)
        if tallies is not None:
            known = self._tallies.get(path)
            is_same = known is not None and known.shape == tallies.shape
            self._tallies[path] = known + tallies if known is not None and is_same else tallies

    def read(self) -> tuple[tuple[Key, ...], list[float]]:
        """The means of the phase that ends; the next one starts empty."""
        collector = Collector()
        for metric, means in (
            ("evaluation_loss", self._losses),
            ("evaluation_accuracy", self._accuracies),
        ):
            for path, mean in means.items():
                collector.add(metric, label_of(path), mean.total / max(mean.count, 1))
            means.clear()
        with torch.no_grad():
            for path, tallies in self._tallies.items():
                accuracy = balanced_accuracy(tallies)
                collector.add("evaluation_balanced_accuracy", label_of(path), accuracy)
                self._count_classes(path, tallies, collector)
            self._tallies.clear()
            return collector.read()

    def _count_classes(self, path: CallPath, tallies: Tensor, into: Collector) -> None:
        """How often each class occurs at a place, once: the data of an evaluation stay the same."""
        if path not in self._counted and len(tallies) <= CLASSES_COUNTED:
            self._counted.add(path)
            subjects = [f"{label} at {label_of(path)}" for label in range(len(tallies))]
            into.add_all("evaluation_label_count", subjects, tallies.sum(dim=1))


def label_of(path: CallPath) -> str:
    """`train.py:70 < train.py:88`: the line of the loss, then the lines that called it."""
    return " < ".join(f"{Path(file).name}:{line}" for file, line in path) or "evaluation"
