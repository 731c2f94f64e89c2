"""An end to the training where its evaluation was best."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from defib.fixes.base import fix_called
from defib.fixes.early_stopping import EarlyStopping, TrainingStopped
from defib.fixes.length_fix import in_epochs
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding, Severity
from defib.records.run import LoaderFact, RunRecord
from defib.records.series import Series


def steps_taken(fix: str, *, planned: int) -> tuple[int, LiveTraining]:
    training = LiveTraining()
    fix_called(fix).connect(training)
    training.connect()
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    taken = 0
    try:
        for _ in range(planned):
            model(torch.randn(4, 2)).mean().backward()
            optimizer.step()
            taken += 1
    except TrainingStopped:
        pass
    finally:
        training.disconnect()
    return taken, training


def test_the_script_ends_before_the_step_after_the_given_one():
    taken, training = steps_taken("early-stopping=5", planned=9)
    assert taken == 5
    assert training.activity == {"stopped after 5 steps": 1}


def test_a_training_that_is_no_longer_is_left_alone():
    taken, training = steps_taken("early-stopping=9", planned=9)
    assert taken == 9
    assert training.activity == {}


def test_without_a_value_nothing_is_stopped_and_it_is_told():
    taken, training = steps_taken("early-stopping", planned=9)
    assert taken == 9
    assert "early-stopping=STEP" in training.missing


def test_it_stops_where_the_finding_begins():
    finding = Finding("overfitting", Severity.WARNING, "", (239, 999))
    assert EarlyStopping().candidates(RunRecord(steps=1000), finding) == (EarlyStopping(240.0),)


def test_before_that_it_tries_the_best_evaluation_whose_neighbours_are_low_too():
    losses = [1.0, 0.8, 0.6, 0.5, 0.51, 0.7, 0.8, 0.9, 0.1, 1.0]
    evaluated = Series.of(losses, [49 + 50 * n for n in range(10)])
    record = RunRecord(steps=1000, series={"evaluation_loss": {"train.py:9": evaluated}})
    finding = Finding("overfitting", Severity.WARNING, "", (99, 999))
    tried = EarlyStopping().candidates(record, finding)
    assert tried == (EarlyStopping(200.0), EarlyStopping(100.0))


def test_the_change_counts_epochs_of_the_loader_that_shuffles():
    loaders = (LoaderFact("DataLoader", shuffle=True, length=80), LoaderFact("DataLoader"))
    finding = Finding("overfitting", Severity.WARNING, "", (239, 999))
    change = EarlyStopping(240.0).change(RunRecord(steps=1000, loaders=loaders), finding)
    assert change.startswith("stop after 3 epochs (240 steps)")


@pytest.mark.parametrize("length", [None, 7])
def test_steps_stand_alone_where_epochs_are_not_known(length: int | None):
    record = RunRecord(loaders=(LoaderFact("DataLoader", shuffle=True, length=length),))
    assert in_epochs(240, record) == "240 steps"
