"""Trials of a training that is made in Python, in this process."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from defib.discovery.random_state import randomness_restored
from defib.fixes.base import Fix, fix_called
from defib.fixes.early_stopping import TrainingStopped
from defib.fixes.live_training import LiveTraining
from defib.fixes.more_epochs import MoreEpochs
from defib.monitor.watching import Watching, WatchOptions
from defib.records.run import RunEnding
from defib.records.trial import (
    PairedComparison,
    Trial,
    TrialEnding,
    TrialResult,
    Yardstick,
)
from defib.script.rerun import fix_event
from defib.training.loop import train
from defib.training.setup import TrainingSetup
from defib.verification.outcome import result_of
from defib.verification.paired_trials import compared, yardsticks_of

MakeSetup = Callable[[int], TrainingSetup]
"""A training that is ready to run, from a seed."""
BUDGET = 0.05
"""Share of the time for watching, as trials of scripts have it."""


def compare(
    make: MakeSetup,
    fix: Fix | str,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    yardstick: Yardstick | None = None,
) -> PairedComparison:
    """The training of `make` with `fix` against the same without it, on the same seeds.

    Compared is by `yardstick`, or by the first that fits the fix and is seen in all trials.
    Raises `UnknownNameError` for an unknown fix.
    """
    chosen = fix_called(fix) if isinstance(fix, str) else fix
    with tempfile.TemporaryDirectory() as folder:
        runner = SetupTrials(make, Path(folder))
        before = [runner(_trial((), seed), 0.0) for seed in seeds]
        after = [runner(_trial((chosen.label,), seed), 0.0) for seed in seeds]
    return compared(chosen, before, after, (yardstick,) if yardstick else yardsticks_of(chosen))


def _factor(text: str) -> float:
    fix = fix_called(text)
    return fix.factor if isinstance(fix, MoreEpochs) else 1.0


def _trial(fixes: tuple[str, ...], seed: int) -> Trial:
    return Trial("setup", (), "", False, 10**9, seed, fixes)


@final
@dataclass(frozen=True)
class SetupTrials:
    """Runs trials of a training that `make` makes; their records go to `folder`."""

    make: MakeSetup
    folder: Path

    def __call__(self, trial: Trial, seconds: float) -> TrialResult:
        """The result of `trial`; the caller's random state stays as it is."""
        del seconds
        directory = self.folder / trial.name
        trainings = {text: LiveTraining(trial.steps) for text in trial.fixes}
        with randomness_restored():
            ending, reason = self._train(trial, directory, trainings)
        return result_of(trial, directory, ending, reason)

    def _train(
        self, trial: Trial, directory: Path, trainings: dict[str, LiveTraining]
    ) -> tuple[TrialEnding, str]:
        for text, training in trainings.items():
            fix_called(text).connect(training)
            training.connect()
        watching = Watching(directory, script="setup", options=WatchOptions(budget=BUDGET))
        for training in trainings.values():
            training.watch = watching
        error = ""
        try:
            setup = self.make(trial.seed)
            # The loop counts its steps: that it is to be longer is told to it.
            longer = round(math.prod(map(_factor, trial.fixes)) * setup.steps)
            train(replace(setup, steps=min(longer, trial.steps)))
        except TrainingStopped:
            pass
        except RuntimeError as raised:
            error = f"{type(raised).__name__}: {raised}"
        finally:
            for text, training in trainings.items():
                watching.monitor.observer.event(fix_event(text, training))
            watching.finish(RunEnding.RAISED if error else RunEnding.COMPLETED, error)
            # Last on, first off: a replacement under another one could not be taken back.
            for training in reversed(trainings.values()):
                training.disconnect()
        return (TrialEnding.RAISED, error) if error else (TrialEnding.TRAINED, "")
