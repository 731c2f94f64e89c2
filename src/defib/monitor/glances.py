"""Measures predictions and targets of several steps at once.

The kernels and the code that measures have left the caches when a training's next step is over:
a step measured alone takes twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from defib.discovery.losses import LossReading
from defib.monitor.observation import observe_loss
from defib.monitor.transfer import Collector
from defib.records.storage import RunWriter

TOGETHER = 10
"""Steps that are measured at once."""
LARGEST_BYTES = 1 << 15
"""Of a step: where there is more to measure, that takes the time, and a copy is not for nothing."""


@final
@dataclass(frozen=True)
class _Glance:
    step: int
    reading: LossReading
    optimizer: str


@final
class Glances:
    """Steps of which only predictions and targets are measured, on a CPU."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._waiting: list[_Glance] = []

    def take(self, step: int, reading: LossReading, optimizer: str) -> bool:
        """Measure `reading` later, if it is small; whether it will be."""
        tensors = (reading.predictions, reading.targets, reading.probabilities)
        known = [each for each in tensors if each is not None]
        if any(each.device.type != "cpu" or each.nbytes > LARGEST_BYTES for each in known):
            return False
        # Copies: the user may write into any of them until then.
        predictions, targets, probabilities = map(_copy, tensors)
        kept = replace(
            reading, predictions=predictions, targets=targets, probabilities=probabilities
        )
        self._waiting.append(_Glance(step, kept, optimizer))
        if len(self._waiting) >= TOGETHER:
            self.write()
        return True

    def write(self) -> None:
        """Measure those that wait."""
        waiting, self._waiting = self._waiting, []
        with torch.no_grad():
            for glance in waiting:
                collector = Collector()
                observe_loss(glance.reading, glance.optimizer, collector)
                keys, values = collector.read()
                if keys:
                    self._writer.write_sample(glance.step, keys, values)


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.clone()
