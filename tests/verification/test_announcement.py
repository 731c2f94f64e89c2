"""What is told before re-runs begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from defib.fixes.base import fix_called
from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.announcement import announcement
from defib.verification.ledger import Ledger, ProofOptions
from defib.verification.pace import END_SECONDS
from defib.verification.plan import Candidate
from defib.verification.progress import Progress

FINDING = Finding("learning-rate-too-low", Severity.WARNING, "", (0, 299))
STEPS, START, EACH_STEP = 200, 20.0, 0.1
WHOLE = START + STEPS * EACH_STEP + END_SECONDS


def trained(trial: Trial, seconds: float) -> TrialResult:
    del seconds
    return TrialResult(trial, TrialEnding.TRAINED, steps=trial.steps)


def progress_of(folder: Path) -> Progress:
    record = RunRecord(steps=300, seconds=300 * EACH_STEP, seconds_before=START)
    return Progress(record, Ledger(record, STEPS, ProofOptions(folder, trained)))


def candidates_of(*labels: str) -> list[Candidate]:
    return [Candidate(fix_called(each), FINDING) for each in labels]


@pytest.mark.parametrize(
    ("jobs", "waves"),
    # The script as it is and two fixes on one seed; then two seeds more of the first and of it.
    [(1, 3 + 4), (2, 2 + 2), (8, 1 + 1)],
)
def test_starts_are_in_the_time_and_re_runs_at_once_take_it_together(
    tmp_path: Path, jobs: int, waves: int
):
    tried = candidates_of("raise-learning-rate=10", "raise-learning-rate=100")
    text = announcement(progress_of(tmp_path), tried, jobs)
    assert "Trying 2 fixes: about 7 re-runs of 200 steps" in text
    assert f"about {waves * WHOLE:,.0f} s" in text


def test_a_re_run_that_finds_a_value_comes_first_and_is_longer(tmp_path: Path):
    text = announcement(progress_of(tmp_path), candidates_of("learning-rate-by-range-test"), 1)
    # One to find the value, beside three pairs.
    assert "Trying 1 fix: about 7 re-runs of up to 300 steps" in text


def test_what_was_made_is_not_told_again(tmp_path: Path):
    progress = progress_of(tmp_path)
    tried = candidates_of("raise-learning-rate=10")
    progress.ledger.make(progress.costs.screening(tried))
    assert "about 4 re-runs" in announcement(progress, tried, 1)
