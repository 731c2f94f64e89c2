"""What defib itself says of a training of a study."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

from defib.diagnosis import diagnose
from defib.monitor.watching import Watching, WatchOptions
from defib.records.finding import Diagnosis, Severity
from defib.records.reading import read_run
from defib.training.loop import train
from defib.training.setup import TrainingSetup

EVERY_STEP = 100.0
"""Of the budget: as a share of the training's time, so large that no step is left out and the
verdict does not depend on the speed of the machine."""


@final
@dataclass(frozen=True)
class Judged:
    """The losses of a training by step, and the diagnosis of its record."""

    losses: tuple[float, ...]
    diagnosis: Diagnosis

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that found something, the first cause first; remarks are left out."""
        findings = self.diagnosis.findings
        return tuple(each.rule for each in findings if each.severity is not Severity.INFO)


def trained_and_judged(setup: TrainingSetup) -> Judged:
    """Train the set-up under watch, every step of it, and diagnose the record."""
    with tempfile.TemporaryDirectory() as folder:
        watching = Watching(Path(folder), options=WatchOptions(budget=EVERY_STEP))
        try:
            losses = train(setup)
        finally:
            watching.finish()
        return Judged(losses, diagnose(read_run(watching.directory)))
