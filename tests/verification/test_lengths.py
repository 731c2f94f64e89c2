"""Proofs of fixes that change nothing but how long a training lasts."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from torch.optim import Adam

from defib.datasets.bundled import Split
from defib.faults.tasks import DIGITS_DENSE, set_up, with_data
from defib.fixes.early_stopping import EarlyStopping
from defib.networks.dense import dense_network
from defib.records.finding import Finding, Severity
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.trial import (
    PairedComparison,
    Proof,
    Trial,
    TrialEnding,
    TrialResult,
    Verdict,
    Yardstick,
)
from defib.training.setup import TrainingSetup
from defib.verification.beginnings import beginning_of
from defib.verification.ledger import Ledger, ProofOptions
from defib.verification.plan import Candidate
from defib.verification.proof import prove
from defib.verification.setups import MakeSetup, SetupTrials, compare
from defib.verification.sides import Sides


def cut_short(seed: int) -> TrainingSetup:
    return replace(set_up(replace(DIGITS_DENSE, steps=60), seed), validation_interval=10)


def few(split: Split) -> Split:
    return replace(split, inputs=split.inputs[:40], targets=split.targets[:40])


def overfitted(seed: int) -> TrainingSetup:
    task = replace(
        with_data(DIGITS_DENSE, few),
        network=lambda: dense_network((64, 128, 10)),
        optimizer=partial(Adam, lr=3e-2),
        steps=400,
    )
    return replace(set_up(task, seed), validation_interval=10)


def proof_of(make: MakeSetup, folder: Path, *, cost: float = 6) -> Proof:
    trials = SetupTrials(make, folder)
    # Of a seed that no trial has: their records lie beside it.
    watched = trials(Trial("setup", (), "", False, 10**9, 99), 0.0)
    return prove(read_run(folder / watched.trial.name), ProofOptions(folder, trials, cost=cost))


def proof_with_fault_in(
    fixes: tuple[str, ...], make: MakeSetup, folder: Path, *, cost: float
) -> Proof:
    """As `proof_of`, of a training whose re-runs with `fixes` tell of a value that is no number."""
    trials = SetupTrials(make, folder)
    event = {"kind": "non-finite", "step": 3, "detail": {"where": "parameter"}}

    def with_fault(trial: Trial, seconds: float) -> TrialResult:
        result = trials(trial, seconds)
        if trial.fixes == fixes:
            with (folder / trial.name / "run.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"kind": "event", "event": event}) + "\n")
        return result

    watched = trials(Trial("setup", (), "", False, 10**9, 99), 0.0)
    options = ProofOptions(folder, with_fault, cost=cost)
    return prove(read_run(folder / watched.trial.name), options)


def of_fix(proof: Proof, name: str) -> PairedComparison:
    return next(each for each in proof.comparisons if each.fix.startswith(name))


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    return proof_of(cut_short, tmp_path_factory.mktemp("longer"))


@pytest.fixture(scope="module")
def shorter(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    return proof_of(overfitted, tmp_path_factory.mktemp("shorter"))


def test_more_epochs_of_a_training_cut_short_are_confirmed(longer: Proof):
    found = of_fix(longer, "more-epochs=1.5")
    assert (found.verdict, found.yardstick) == (Verdict.CONFIRMED, Yardstick.EVALUATION_LOSS)


def test_they_cost_no_more_than_is_allowed_and_the_rest_is_told(longer: Proof):
    made = [each for each in longer.results if not each.is_part]
    assert sum(each.steps for each in made) <= 6 * 60
    assert {each.trial.fixes for each in made} == {("more-epochs=1.5",)}
    assert any("would cost more than allowed" in note for note in longer.notes)


def test_where_even_they_cost_too_much_they_are_not_tried(tmp_path: Path):
    proof = proof_of(cut_short, tmp_path, cost=4)
    assert not any(each.fix.startswith("more-epochs") for each in proof.comparisons)
    assert any("more-epochs=1.5" in note for note in proof.notes)


def test_early_stopping_is_judged_on_other_seeds_than_that_which_chose_the_step(shorter: Proof):
    found = of_fix(shorter, "early-stopping")
    assert found.verdict is Verdict.CONFIRMED
    assert found.first_seed == 1


def test_of_a_stop_both_the_loss_and_the_accuracy_are_told(shorter: Proof):
    found = of_fix(shorter, "early-stopping")
    assert found.yardstick is Yardstick.EVALUATION_LOSS
    assert [each.yardstick for each in found.beside] == [Yardstick.EVALUATION_ACCURACY]


def test_the_shorter_training_is_read_off_the_longer(shorter: Proof):
    stopped = [e for e in shorter.results if e.trial.fixes and "early" in e.trial.fixes[0]]
    assert all(each.is_part for each in stopped)
    assert all(each.steps < shorter.steps for each in stopped)


def test_a_beginning_is_what_the_shorter_training_comes_to(tmp_path: Path):
    trials = SetupTrials(overfitted, tmp_path)
    whole = trials(Trial("setup", (), "", False, 100, 0), 0.0)
    stopped = trials(Trial("setup", (), "", False, 100, 0, ("early-stopping=40",)), 0.0)
    part = beginning_of(whole, replace(whole.trial, steps=40), tmp_path / whole.trial.name)
    assert part.steps == stopped.steps == 40
    assert part.level == stopped.level
    assert part.evaluation_loss == pytest.approx(stopped.evaluation_loss)


def test_between_two_evaluations_the_later_one_counts_for_the_shorter(tmp_path: Path):
    trials = SetupTrials(overfitted, tmp_path)
    whole = trials(Trial("setup", (), "", False, 100, 0), 0.0)
    part = beginning_of(whole, replace(whole.trial, steps=35), tmp_path / whole.trial.name)
    assert part.steps == 40


def test_an_evaluation_long_before_the_end_does_not_count(tmp_path: Path):
    trials = SetupTrials(lambda seed: replace(overfitted(seed), validation_interval=60), tmp_path)
    whole = trials(Trial("setup", (), "", False, 120, 0), 0.0)
    part = beginning_of(whole, replace(whole.trial, steps=100), tmp_path / whole.trial.name)
    assert math.isnan(part.evaluation_loss)
    assert math.isfinite(part.level)


def test_of_a_failed_trial_there_is_no_beginning(tmp_path: Path):
    def broken(seed: int) -> TrainingSetup:
        raise RuntimeError(f"no training of seed {seed}")

    whole = SetupTrials(broken, tmp_path)(Trial("setup", (), "", False, 100, 0), 0.0)
    part = beginning_of(whole, replace(whole.trial, steps=35), tmp_path / whole.trial.name)
    assert part.ending is TrialEnding.RAISED


def test_a_training_in_python_can_be_stopped_too():
    assert compare(overfitted, "early-stopping=40").yardstick is Yardstick.EVALUATION_ACCURACY


def test_after_a_stop_the_training_is_looked_at_as_far_as_that(tmp_path: Path):
    trials = SetupTrials(overfitted, tmp_path)
    ledger = Ledger(RunRecord(steps=400, script="setup"), 100, ProofOptions(tmp_path, trials))
    finding = Finding("overfitting", Severity.WARNING, "", (40, 399))
    sides = Sides(Candidate(EarlyStopping(40), finding), (), 400, ledger)
    ledger.make(sides.needed((1,)))
    record = sides.record_with(1)
    assert record.steps == 40
    assert record.of("loss")["Adam"].steps[-1] == 39


def test_what_else_an_earlier_stop_shows_is_mended_on_top_of_it(tmp_path: Path):
    proof = proof_with_fault_in((), overfitted, tmp_path, cost=20)
    [stop] = [each for each in proof.answer if each.startswith("early-stopping")]
    further = [each for each in proof.comparisons if each.rule == "non-finite-value"]
    assert further
    assert {each.base for each in further} == {(stop,)}


def test_what_else_a_longer_training_shows_is_named_and_not_tried(tmp_path: Path):
    longer = ("more-epochs=1.5",)
    proof = proof_with_fault_in(longer, cut_short, tmp_path, cost=6)
    assert proof.answer == longer
    assert not any(each.rule == "non-finite-value" for each in proof.comparisons)
    assert any("there is non-finite-value too" in note for note in proof.notes)
