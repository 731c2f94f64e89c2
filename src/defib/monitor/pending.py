"""What a training gave between two steps or flushes, until it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import final

from torch import Tensor

from defib.monitor.evaluation import Evaluations
from defib.monitor.guard import Guard
from defib.monitor.passing_inputs import PassingInputs
from defib.monitor.transfer import LossBuffer
from defib.records.storage import Key, RunWriter

FLUSH_SECONDS = 0.5
"""Losses are written at least this often: so much a killed run may lose."""
FLUSH_LOSSES = 512
"""Losses are written in blocks of at most this many."""


@final
class Pending:
    """Losses of steps, evaluations, and examples that were met twice.

    What can no longer be written is told by `guard`, and the training goes on.
    """

    def __init__(self, writer: RunWriter, passing_inputs: PassingInputs, guard: Guard) -> None:
        self.evaluations = Evaluations()
        self.next_flush = 0.0
        """Reading of the monitor's clock at which losses are due."""
        self._writer = writer
        self._passing_inputs = passing_inputs
        self._guard = guard
        self._losses: dict[str, LossBuffer] = {}

    def add_losses(self, optimizer: str, step: int, losses: Sequence[float | Tensor]) -> None:
        """The losses of the steps of `optimizer` from `step` on."""
        buffer = self._losses.get(optimizer)
        if buffer is None:
            buffer = self._losses[optimizer] = LossBuffer()
        buffer.add(step, *losses)

    def is_due(self, steps: int, now: float) -> bool:
        """Whether losses must be written after so many steps."""
        return now >= self.next_flush or steps % FLUSH_LOSSES == 0

    def postpone(self, now: float) -> None:
        """Losses are written now, and due again later."""
        self.next_flush = now + FLUSH_SECONDS

    def write_losses(self) -> None:
        self._guard.run("losses", self._write_losses)

    def write_evaluations(self, steps: int) -> None:
        """Those since the last of `steps`, if any, and the examples that were met in them."""
        if self.evaluations:
            self._guard.run("evaluations", self._write_evaluations, steps)

    def close(self, steps: int) -> None:
        """Write all that is left."""
        self.write_evaluations(steps)
        self._guard.run("examples", self._write_overlaps, steps, is_last=True)
        self.write_losses()

    def _write_losses(self) -> None:
        for optimizer, buffer in self._losses.items():
            if len(buffer):
                self._writer.write_losses(optimizer, *buffer.read())

    def _write_evaluations(self, steps: int) -> None:
        keys, values = self.evaluations.read()
        if keys:
            self._write_sample(steps, keys, values)
        self._guard.run("examples", self._write_overlaps, steps)

    def _write_overlaps(self, steps: int, *, is_last: bool = False) -> None:
        for label, found in self._passing_inputs.overlaps(is_last=is_last):
            values = asdict(found)
            keys = tuple((metric, label) for metric in values)
            self._write_sample(steps, keys, list(values.values()))

    def _write_sample(self, steps: int, keys: tuple[Key, ...], values: list[float]) -> None:
        # What was evaluated are the weights that the last step left.
        self._writer.write_sample(max(steps - 1, 0), keys, values)
