"""Proofs of trainings that are made in this process."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

from torch.optim import SGD

from defib.faults.tasks import TUMOURS, set_up
from defib.records.reading import read_run
from defib.records.trial import Proof, Trial, Verdict
from defib.training.setup import TrainingSetup
from defib.verification.comparison import FEWEST_PAIRS
from defib.verification.ledger import ProofOptions
from defib.verification.proof import prove
from defib.verification.reference import MORE_PAIRS
from defib.verification.setups import MakeSetup, SetupTrials


def slow(seed: int) -> TrainingSetup:
    return set_up(replace(TUMOURS, optimizer=partial(SGD, lr=1e-5), steps=300), seed)


def proof_of(make: MakeSetup, folder: Path) -> Proof:
    trials = SetupTrials(make, folder)
    # Of a seed that no trial has: their records lie beside it.
    watched = trials(Trial("setup", (), "", False, 10**9, 99), 0.0)
    return prove(read_run(folder / watched.trial.name), ProofOptions(folder, trials, cost=20))


def test_of_a_training_that_repeats_itself_nothing_is_noted(tmp_path: Path):
    proof = proof_of(slow, tmp_path)
    assert Verdict.CONFIRMED in {each.verdict for each in proof.comparisons}
    assert not any("same way twice" in note for note in proof.notes)
    assert not any(each.trial.is_repetition for each in proof.results)


def test_a_training_that_does_not_gets_more_and_a_note(tmp_path: Path):
    numbers = count()
    # Another start each time, as of a script that takes its seed from the clock.
    proof = proof_of(lambda seed: slow(1000 * next(numbers) + seed), tmp_path)
    [confirmed] = [each for each in proof.comparisons if each.verdict is Verdict.CONFIRMED]
    assert confirmed.pairs >= FEWEST_PAIRS + MORE_PAIRS
    assert any("does not train the same way twice" in note for note in proof.notes)
