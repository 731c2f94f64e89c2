"""Measures the predictions and targets of several steps at once.

The kernels and the code that measures have left the caches when a training's next step is over:
a step measured alone takes twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import final

import torch
from torch import Tensor

from defib.discovery.losses import LossReading
from defib.monitor.loss_observation import leaves_none_out, observe_loss
from defib.monitor.transfer import Collector
from defib.records.storage import RunWriter

TOGETHER = 50
"""Steps that are measured at once, unless losses are to be written before."""
LARGEST_BYTES = 1 << 15
"""Of a step: where there is more to measure, that takes the time, and a copy is not for nothing."""


@final
@dataclass(frozen=True)
class _Seen:
    step: int
    reading: LossReading
    optimizer: str


@final
class Predictions:
    """Predictions and targets of steps that were looked at: small ones, on a CPU."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._waiting: list[_Seen] = []

    def take(self, step: int, reading: LossReading, optimizer: str) -> bool:
        """Measure `reading` later, if it is small; whether it will be."""
        own: list[Tensor | None] = []
        for each in _tensors(reading):
            if each is not None and not (each.is_cpu and each.nbytes <= LARGEST_BYTES):
                return False
            # A copy: the user may write into it until then.
            own.append(None if each is None else each.clone())
        self._waiting.append(_Seen(step, _with_tensors(reading, own), optimizer))
        if len(self._waiting) >= TOGETHER:
            self.write()
        return True

    def write(self) -> None:
        """Measure those that wait."""
        waiting, self._waiting = self._waiting, []
        for _, alike in groupby(waiting, _kind):
            seen = [*alike]
            reading = _stacked([each.reading for each in seen])
            if leaves_none_out(reading):
                self._measure_together(reading, seen)
            else:
                # How many labels count differs from step to step.
                for each in seen:
                    self._measure(each)

    def _measure_together(self, reading: LossReading, seen: Sequence[_Seen]) -> None:
        into = Collector(steps=len(seen))
        observe_loss(reading, seen[0].optimizer, into, is_of_steps=True)
        keys, rows = into.read_steps()
        if keys:
            for each, values in zip(seen, rows, strict=True):
                self._writer.write_sample(each.step, keys, values)

    def _measure(self, seen: _Seen) -> None:
        into = Collector()
        observe_loss(seen.reading, seen.optimizer, into)
        keys, values = into.read()
        if keys:
            self._writer.write_sample(seen.step, keys, values)


def _tensors(reading: LossReading) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    return reading.predictions, reading.targets, reading.probabilities


def _kind(seen: _Seen) -> tuple[object, ...]:
    """The same for steps that can be measured at once."""
    reading = seen.reading
    forms = [each if each is None else (each.shape, each.dtype) for each in _tensors(reading)]
    return seen.optimizer, reading.kind, reading.has_logits, reading.ignored_target, *forms


def _with_tensors(reading: LossReading, tensors: Sequence[Tensor | None]) -> LossReading:
    predictions, targets, probabilities = tensors
    return replace(reading, predictions=predictions, targets=targets, probabilities=probabilities)


def _stacked(readings: list[LossReading]) -> LossReading:
    columns = zip(*map(_tensors, readings), strict=True)
    return _with_tensors(readings[0], [_stack(each) for each in columns])


def _stack(tensors: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [each for each in tensors if each is not None]
    return torch.stack(known) if known else None
