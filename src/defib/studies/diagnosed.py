"""What defib itself says of a training of a study."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
        return rules_of(self.diagnosis)


@final
@dataclass(frozen=True)
class Judged:
    """The losses of a training by step, and the diagnosis of its record."""

    losses: tuple[float, ...]
    diagnosis: Diagnosis

    @property
    def rules(self) -> tuple[str, ...]:
        """As `Watched.rules`."""
        return rules_of(self.diagnosis)


def rules_of(diagnosis: Diagnosis) -> tuple[str, ...]:
    """The rules that found something, the first cause first; remarks are left out."""
    findings = diagnosis.findings
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


def trained_and_judged(setup: TrainingSetup) -> Judged:
    """Train the set-up under watch, every step of it, and diagnose the record."""
    with watched(EVERY_STEP) as result:
        losses = train(setup)
    return Judged(losses, result.diagnosis)
