"""How many threads a job may use."""

from __future__ import annotations

import os

VARIABLE = "DEFIB_STUDY_THREADS"
"""Of the environment of a worker: its share of the processors."""


def allowed_threads() -> int:
    """For compiled code whose results do not depend on the number; torch always gets one."""
    return max(1, int(os.environ.get(VARIABLE, os.cpu_count() or 1)))


def limit_threads(threads: int) -> None:
    """Let this process, a worker among several, use that many."""
    os.environ[VARIABLE] = str(threads)
