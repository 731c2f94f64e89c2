"""What defib itself says of a training of a study."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from defib.diagnosis import diagnose
from defib.monitor.watching import Watching, WatchOptions
from defib.records.finding import Diagnosis, Severity
from defib.records.reading import read_run
from defib.training.loop import train
from defib.training.setup import TrainingSetup

EVERY_STEP = WatchOptions(budget=100.0)
"""Its share of the training's time is so large that no step is left out, and the verdict does not
depend on the speed of the machine."""


@final
class Watched:
    """Has the `diagnosis` of a training once the watch of it has ended."""

    diagnosis: Diagnosis

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that found something, the first cause first; remarks are left out."""
        findings = self.diagnosis.findings
        return tuple(each.rule for each in findings if each.severity is not Severity.INFO)


@contextmanager
def watched(options: WatchOptions | None = None) -> Iterator[Watched]:
    """Watch the training within, by default as `defib run` does; its record is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        watching, result = Watching(Path(folder), options=options), Watched()
        try:
            yield result
        finally:
            watching.finish()
        result.diagnosis = diagnose(read_run(watching.directory))


def trained_and_watched(setup: TrainingSetup) -> tuple[tuple[float, ...], Watched]:
    """The losses of the set-up by step, trained under a watch of every step, and what it says."""
    with watched(EVERY_STEP) as result:
        losses = train(setup)
    return losses, result
