"""Reads off a trial what a shorter one would have come to."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.outcome import with_measurements

LATEST = 0.9
"""Share of the steps after which an evaluation still tells what they have come to."""


def beginning_of(whole: TrialResult, trial: Trial, directory: Path) -> TrialResult:
    """The result of `trial`, the first steps of `whole`, whose record is in `directory`.

    Where the script evaluates seldom, up to the next evaluation, unless that is the last one,
    which is the longer's: the shorter is not to seem worse for being looked at earlier.
    """
    if whole.ending is not TrialEnding.TRAINED:
        return replace(whole, trial=trial, is_part=True)
    record = read_run(directory)
    steps = trial.steps
    part = beginning_of_record(record, steps)
    result = TrialResult(trial, TrialEnding.TRAINED, is_part=True)
    since = LATEST * steps
    ends = {
        "evaluation_loss": max(_lasts(part, "evaluation_loss", since), default=math.nan),
        "evaluation_accuracy": min(_lasts(part, "evaluation_accuracy", since), default=math.nan),
    }
    return replace(with_measurements(result, part), **ends)


def beginning_of_record(record: RunRecord, steps: int) -> RunRecord:
    """What was recorded of the first `steps` steps, and of those up to the next evaluation."""
    return _until(record, _evaluated_from(record, steps))


def _lasts(record: RunRecord, metric: str, since: float) -> list[float]:
    # Not a mean as of whole trials: a training that is stopped is often still at its fall, and
    # what it has come to then is what is kept.
    every = [each for each in record.of(metric).values() if each]
    return [each.last for each in every if each.steps[-1] + 1 >= since]


def _evaluated_from(record: RunRecord, steps: int) -> int:
    """`steps`, or more of them up to the next evaluation."""
    evaluations = [
        *record.of("evaluation_loss").values(),
        *record.of("evaluation_accuracy").values(),
    ]
    taken = [int(step) + 1 for each in evaluations for step in each.steps]
    later = [each for each in taken if steps <= each < max(taken)]
    return min(later, default=steps)


def _until(record: RunRecord, steps: int) -> RunRecord:
    """What was recorded of the first `steps` steps."""
    share = min(steps / max(record.steps, 1), 1.0)
    return replace(
        record,
        steps=min(steps, record.steps),
        seconds=share * record.seconds,
        events=tuple(each for each in record.events if each.step < steps),
        series={
            metric: {subject: _first(each, steps) for subject, each in known.items()}
            for metric, known in record.series.items()
        },
    )


def _first(series: Series, steps: int) -> Series:
    return series.between(0, steps - 1)
