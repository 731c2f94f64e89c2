"""Runs a training in this process up to its first backward pass, as `defib check` does."""

from __future__ import annotations

import os
from collections.abc import Callable

from defib.records.preflight import PreflightRecord
from defib.script.outcome import Ending, Outcome
from defib.script.preflight import preflight


def record_of(train: Callable[[], object]) -> PreflightRecord:
    """What is measured of the training that `train` begins."""

    def launch() -> Outcome:
        try:
            train()
        except SystemExit as exit_:
            return Outcome(Ending.EXITED, 0, exit_, os.getpid())
        return Outcome(Ending.COMPLETED, 0, None, os.getpid())

    return preflight("train.py", launch)
