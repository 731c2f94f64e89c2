"""What waits to be written, and is written once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from defib.monitor.guard import Guard
from defib.monitor.passing_inputs import PassingInputs
from defib.monitor.pending import FLUSH_LOSSES, FLUSH_SECONDS, Pending


class Written:
    """Takes down what a run writer is told to write."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.losses: list[tuple[str, list[int], list[float]]] = []
        self.samples: list[tuple[int, dict[Any, float]]] = []

    def write_losses(self, subject: str, steps: Any, values: Any) -> None:
        if self.is_full:
            raise OSError("no space left on device")
        self.losses.append((subject, list(steps), list(values)))

    def write_sample(self, step: int, keys: Any, values: Any) -> None:
        self.samples.append((step, dict(zip(keys, values, strict=True))))


def pending(written: Any) -> tuple[Pending, list[str]]:
    failures: list[str] = []
    guard = Guard(lambda place, _: failures.append(place))
    return Pending(written, PassingInputs(lambda: 0), guard), failures


def test_losses_are_written_once_for_each_optimizer():
    written = Written()
    waiting, _ = pending(written)
    waiting.add_losses("SGD", 0, [3.0, 2.0])
    waiting.add_losses("Adam", 2, [1.0])
    waiting.write_losses()
    waiting.write_losses()
    assert written.losses == [("SGD", [0, 1], [3.0, 2.0]), ("Adam", [2], [1.0])]


def test_an_evaluation_belongs_to_the_last_step_taken():
    written = Written()
    waiting, _ = pending(written)
    waiting.evaluations.add((("train.py", 7),), torch.tensor(0.5), None, 4)
    waiting.write_evaluations(steps=10)
    waiting.write_evaluations(steps=11)
    [(step, values)] = written.samples
    assert step == 9
    assert 0.5 in values.values()


@pytest.mark.parametrize(("steps", "now", "is_due"), [(1, 0.1, False), (1, 9.0, True)])
def test_losses_are_due_after_a_while(steps: int, now: float, is_due: bool):
    waiting, _ = pending(Written())
    waiting.postpone(0.0)
    assert 0.1 < FLUSH_SECONDS < 9.0
    assert waiting.is_due(steps, now) is is_due


def test_losses_are_due_when_they_are_many():
    waiting, _ = pending(Written())
    waiting.postpone(0.0)
    assert waiting.is_due(FLUSH_LOSSES, 0.1)


def test_a_full_disk_is_told_and_not_raised():
    waiting, failures = pending(Written(is_full=True))
    waiting.add_losses("SGD", 0, [3.0])
    waiting.close(steps=1)
    assert failures == ["losses"]
