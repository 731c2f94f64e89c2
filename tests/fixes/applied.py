"""A fix in force for the time of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining


@contextmanager
def applied(fix: Fix) -> Iterator[LiveTraining]:
    training = LiveTraining()
    fix.connect(training)
    training.connect()
    try:
        yield training
    finally:
        training.disconnect()
