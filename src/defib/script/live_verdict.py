"""The live line of a watched script: step, loss, verdict so far, overhead."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol, final

from defib.diagnosis import diagnose
from defib.records.finding import Diagnosis, Status
from defib.records.reading import read_run
from defib.report.live_line import LiveLine

FIRST_VERDICT_SECONDS = 3.0
"""After the first progress: before, most rules have too little to judge by."""
COST_FACTOR = 200
"""A verdict is looked for again after so many times what it cost: half a percent of the time."""


class ProgressLike(Protocol):
    """What the monitor tells; see `defib.monitor.monitor.Progress`."""

    @property
    def steps(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def overhead(self) -> float: ...


@final
class LiveVerdict:
    """Updates the live line; diagnoses the record so far now and then."""

    def __init__(self, line: LiveLine, directory: Path) -> None:
        self._line = line
        self._directory = directory
        self._verdict = "watching"
        self._next = time.perf_counter() + FIRST_VERDICT_SECONDS

    def update(self, progress: ProgressLike) -> None:
        """Show where the training stands."""
        now = time.perf_counter()
        if now >= self._next:
            self._verdict = _short(diagnose(read_run(self._directory)))
            cost = time.perf_counter() - now
            self._next = now + max(2.0, COST_FACTOR * cost)
        loss = "" if progress.loss is None else f"  loss {progress.loss:.4g}"
        self._line.show(
            f"defib  step {progress.steps:,}{loss}  {self._verdict}  "
            f"overhead {progress.overhead:.1%}"
        )

    def close(self) -> None:
        """Give the terminal back."""
        self._line.close()


def _short(diagnosis: Diagnosis) -> str:
    if diagnosis.status is Status.HEALTHY:
        return "nothing found so far"
    return diagnosis.summary.rstrip(".")
