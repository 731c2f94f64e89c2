"""What the verdict says of a program that trained nothing."""

from __future__ import annotations

import pytest

from defib.diagnosis import diagnose
from defib.records.finding import Status
from defib.records.run import Coverage, Event, RunRecord
from defib.records.site import Site

SKIPPED = tuple(Event("skipped-step", 0) for _ in range(3))
COMPILED = Event("compiled-training", 0, site=Site("train.py", 9))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (RunRecord(), "no optimiser took a step."),
        (RunRecord(coverage=Coverage(backward_calls=7)), "though `backward` was called 7 times."),
        (RunRecord(events=SKIPPED), "the gradient scaler skipped all 3 steps"),
        (RunRecord(events=(COMPILED,)), "the whole step is compiled at train.py:9"),
    ],
)
def test_the_verdict_says_why_nothing_was_trained(record: RunRecord, reason: str):
    diagnosis = diagnose(record)
    assert diagnosis.status is Status.NOT_TRAINED
    assert diagnosis.summary.startswith("Nothing was trained: ")
    assert reason in diagnosis.summary
