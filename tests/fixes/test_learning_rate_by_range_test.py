"""A range test in the first steps of a training, and the rate that it finds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import final

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam

from defib.faults.tasks import DIGITS_DENSE, TUMOURS, Task, set_up
from defib.fixes.base import fix_called
from defib.fixes.learning_rate_by_range_test import LearningRateByRangeTest
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding, Severity
from defib.records.reading import read_run
from defib.records.run import OptimizerFact, RunRecord
from defib.records.series import Series
from defib.records.trial import Proof, Trial, Verdict
from defib.training.setup import TrainingSetup
from defib.verification.ledger import ProofOptions
from defib.verification.proof import prove
from defib.verification.setups import SetupTrials

NAME = "learning-rate-by-range-test"


@final
class Watch:
    """Counts the calls that a monitor would get."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


@final
class Training:
    """A regression of 32 examples; `rates` are those of its steps, `weights` before each."""

    def __init__(self, fix: str, steps: int, *, factor: float = 1.0) -> None:
        torch.manual_seed(0)
        self.live = LiveTraining()
        self.live.watch = self.watch = Watch()
        self.rates: list[float] = []
        self.weights: list[Tensor] = []
        first, last = nn.Linear(6, 16), nn.Linear(16, 1)
        model = nn.Sequential(first, nn.BatchNorm1d(16), nn.ReLU(), last)
        body, head = list(model[:3].parameters()), list(last.parameters())
        optimizer = Adam([{"params": body}, {"params": head, "lr": 2e-7}], lr=1e-7)
        inputs = torch.randn(512, 6)
        targets = inputs[:, :1] - inputs[:, 1:2]
        fix_called(fix).connect(self.live)
        self.live.before_step(lambda each: self.rates.append(each.param_groups[0]["lr"]))
        self.live.connect()
        self.start = {name: each.clone() for name, each in model.state_dict().items()}
        try:
            for _ in range(steps):
                rows = torch.randint(512, (32,))
                optimizer.zero_grad()
                loss = factor * nn.functional.mse_loss(model(inputs[rows]), targets[rows])
                loss = loss + (1 - factor) * torch.rand(())
                loss.backward()
                self.weights.append(first.weight.detach().clone())
                optimizer.step()
        finally:
            self.live.disconnect()
        self.optimizer, self.model = optimizer, model


@pytest.fixture(scope="module")
def swept() -> Training:
    return Training(NAME, 720)


def test_with_a_value_every_step_is_taken_with_it():
    rates = Training(f"{NAME}=0.01", 4).rates
    assert rates == pytest.approx([0.01] * 4)


def test_the_groups_keep_their_proportion_and_the_script_sees_its_own_rates():
    training = Training(f"{NAME}=0.01", 4)
    assert [each["lr"] for each in training.optimizer.param_groups] == [1e-7, 2e-7]


def test_without_a_value_the_rate_grows_until_the_range_is_swept(swept: Training):
    rates = swept.rates
    assert rates[0] == pytest.approx(1e-6)
    assert all(b > a for a, b in pairwise(rates[:500]))


def test_then_the_weights_are_those_of_the_start_and_it_trains_on_with_the_found_rate(
    swept: Training,
):
    after = next(n for n in range(600, 720) if swept.rates[n] == swept.rates[-1])
    assert torch.equal(swept.weights[after], swept.start["0.weight"])
    assert swept.rates[-1] == pytest.approx(swept.live.found)
    assert 1e-4 < swept.live.found < 1


def test_nothing_of_the_test_is_recorded(swept: Training):
    assert swept.watch.calls == ["pause", "resume"]


def test_without_a_clear_answer_the_rate_stays_and_the_reason_is_told():
    training = Training(NAME, 720, factor=0.0)
    assert training.rates[-1] == 1e-7
    assert training.live.activity == {}
    assert "no clear answer (no descent: flat)" in training.live.failures[0]


def test_a_training_shorter_than_the_test_is_told():
    training = Training(NAME, 30)
    assert training.live.missing == (
        "the training ended after 30 of the 700 steps of the range test"
    )


def test_the_change_is_shown_in_the_users_line():
    record = RunRecord(
        optimizers=(OptimizerFact("SGD", "SGD"),),
        series={"learning_rate": {"SGD": Series.of([0.5])}},
    )
    finding = Finding("learning-rate-too-high", Severity.ERROR, "", (0, 9))
    fix = LearningRateByRangeTest(0.012)
    assert fix.change(record, finding) == "learning rate 0.5 -> 0.012"
    assert fix.edited("SGD(w, lr=0.5)", record, finding) == "SGD(w, lr=0.012)"


def proof_of(task: Task, folder: Path) -> Proof:
    def make(seed: int) -> TrainingSetup:
        return set_up(replace(task, optimizer=partial(SGD, lr=1e-6), steps=400), seed)

    trials = SetupTrials(make, folder)
    watched = trials(Trial("setup", (), "", False, 10**9, 99), 0.0)
    return prove(read_run(folder / watched.trial.name), ProofOptions(folder, trials, cost=20))


def test_a_proof_tries_the_rate_that_a_short_trial_finds(tmp_path: Path):
    proof = proof_of(DIGITS_DENSE, tmp_path)
    [tried] = [each for each in proof.comparisons if each.fix.startswith(NAME)]
    assert float(tried.fix.partition("=")[2]) > 1e-3
    assert any("found by a range test" in note for note in proof.notes)


def test_where_it_finds_none_no_rate_is_tried(tmp_path: Path):
    proof = proof_of(TUMOURS, tmp_path)
    [tried] = [each for each in proof.comparisons if each.fix.startswith(NAME)]
    assert (tried.fix, tried.verdict) == (NAME, Verdict.NOT_APPLICABLE)
    assert "no clear answer" in tried.reason
