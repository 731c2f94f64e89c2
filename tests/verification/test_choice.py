"""What a proof tries next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from defib.fixes.base import fix_called
from defib.records.finding import Finding, Severity
from defib.records.run import OptimizerFact, RunRecord
from defib.records.series import Series
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.choice import next_batch, open_candidates
from defib.verification.ledger import Ledger, ProofOptions
from defib.verification.plan import Candidate
from defib.verification.progress import Progress

STEPS = 300
FINDING = Finding(
    "overfitting", Severity.WARNING, "", (100, 299), fixes=("early-stopping", "weight-decay")
)


def run_of(seconds_before: float) -> RunRecord:
    return RunRecord(
        steps=STEPS,
        seconds=3.0,
        seconds_before=seconds_before,
        optimizers=(OptimizerFact("SGD", "SGD"),),
        series={"learning_rate": {"SGD": Series.of([0.1] * STEPS)}},
    )


def trained(trial: Trial, seconds: float) -> TrialResult:
    del seconds
    return TrialResult(trial, TrialEnding.TRAINED, steps=trial.steps)


def progress_of(folder: Path, *, seconds_before: float = 0.0, jobs: int = 1) -> Progress:
    record = run_of(seconds_before)
    return Progress(record, Ledger(record, 200, ProofOptions(folder, trained, jobs=jobs)))


def names(tried: Sequence[Candidate]) -> set[str]:
    return {each.fix.name() for each in tried}


def test_on_top_of_one_length_no_other_is_tried(tmp_path: Path):
    progress = progress_of(tmp_path)
    tried = open_candidates(progress, progress.watched, [FINDING])
    assert names(tried) == {"early-stopping", "weight-decay"}
    progress.answer = ("more-epochs=1.5",)
    assert names(open_candidates(progress, progress.watched, [FINDING])) == {"weight-decay"}


def test_a_fix_that_was_confirmed_is_not_tried_again_with_another_value(tmp_path: Path):
    progress = progress_of(tmp_path)
    progress.answer = ("weight-decay=5",)
    assert names(open_candidates(progress, progress.watched, [FINDING])) == {"early-stopping"}


@pytest.mark.parametrize(
    ("seconds_before", "jobs", "count"), [(0.0, 1, 3), (30.0, 1, 1), (30.0, 2, 3)]
)
def test_starts_count_for_how_many_are_tried_at_once(
    tmp_path: Path, seconds_before: float, jobs: int, count: int
):
    """Training allows 9 trials: 3 candidates, 1 without a fix, 4 more to decide, and a part for a
    short repetition. Of starts of 30 seconds, six times the watched run leaves room for 6 trials
    one at a time, for 12 two at once."""
    progress = progress_of(tmp_path, seconds_before=seconds_before, jobs=jobs)
    waiting = [candidate_of(value) for value in range(2, 9)]
    assert len(next_batch(progress, waiting)) == count


def test_something_is_tried_even_where_all_costs_too_much_but_only_once(tmp_path: Path):
    record = run_of(30.0)
    progress = Progress(record, Ledger(record, 200, ProofOptions(tmp_path, trained, cost=2)))
    waiting = [candidate_of(value) for value in range(2, 9)]
    assert next_batch(progress, waiting) == waiting[:1]
    progress.ledger.make([progress.without(0)])
    assert next_batch(progress, waiting) == []


def candidate_of(value: float) -> Candidate:
    return Candidate(fix_called(f"raise-learning-rate={value}"), FINDING)
