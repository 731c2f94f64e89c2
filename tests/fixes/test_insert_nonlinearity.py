"""A ReLU comes only between layers that feed one another directly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from defib.fixes.insert_nonlinearity import InsertNonlinearity
from defib.fixes.live_training import LiveTraining
from defib.networks.dense import dense_network
from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.trial import Verdict
from defib.training.setup import TrainingSetup
from defib.verification.setups import compare


def activity_in(model: nn.Module, *inputs: int) -> dict[str, int]:
    training = LiveTraining()
    InsertNonlinearity().connect(training)
    training.connect()
    try:
        model(torch.randn(*inputs))
    finally:
        training.disconnect()
    return training.activity


def test_hidden_layers_that_feed_one_another_are_rectified_and_the_output_is_not():
    first, second, last = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 1)
    inputs = torch.randn(5, 4)
    plain = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
    expected = plain(inputs)
    model = nn.Sequential(first, second, last)
    assert activity_in(model, 2, 4) == {"ReLU after 2 layers": 1}
    assert torch.equal(model(inputs), expected)


def test_dropout_and_flattening_are_nothing_between():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(8, 1))
    assert activity_in(model, 2, 1, 4, 4) == {"ReLU after 1 layer": 1}


@pytest.mark.parametrize(
    "between", [nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh(), nn.LayerNorm(4)], ids=repr
)
def test_nothing_is_inserted_where_something_stands_between(between: nn.Module):
    model = nn.Sequential(nn.Linear(4, 4), between, nn.Linear(4, 4))
    assert activity_in(model, 2, 4) == {}


def test_a_network_that_is_called_with_keywords_alone_is_left_as_it_is():
    training = LiveTraining()
    InsertNonlinearity().connect(training)
    training.connect()
    try:
        nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))(input=torch.randn(2, 4))
    finally:
        training.disconnect()
    assert (training.activity, training.failures) == ({}, [])


def exclusive_or(seed: int) -> TrainingSetup:
    torch.manual_seed(seed)
    points = torch.rand(64, 2) - 0.5
    classes = (points.prod(dim=1) > 0).long()
    model = dense_network((2, 16, 2), nn.Identity)
    return TrainingSetup(
        name="exclusive or",
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.05),
        loss_function=nn.CrossEntropyLoss(),
        batches=lambda _: [(points, classes)],
        steps=100,
    )


@pytest.mark.parametrize(
    ("code", "edited"),
    [
        ("    nn.Linear(8, 4),", "    nn.ReLU(), nn.Linear(8, 4),"),
        ("nn.Conv2d(8, 4, 3),", "nn.ReLU(), nn.Conv2d(8, 4, 3),"),
        ("self.second = nn.Linear(8, 4)", None),
        ("nn.Linear(8, 8), nn.Linear(8, 4),", None),
    ],
)
def test_only_a_line_of_a_sequence_is_edited(code: str, edited: str | None):
    finding = Finding("missing-nonlinearity", Severity.WARNING, "", (0, 1))
    assert InsertNonlinearity().edited(code, RunRecord(), finding) == edited


def test_it_mends_what_no_linear_function_can_learn():
    found = compare(exclusive_or, "insert-nonlinearity")
    assert found.verdict is Verdict.CONFIRMED
