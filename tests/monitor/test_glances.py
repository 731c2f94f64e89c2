"""Predictions and targets of neighbouring steps, measured some at once."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from defib.monitor import glances
from defib.monitor.budget import Budget
from defib.records.reading import read_run
from defib.records.run import RunRecord
from tests.monitor.conftest import watched

STEPS = 64
GLANCED = ("accuracy", "label_mix_loss", "prediction_mean", "prediction_batch_std")


@pytest.fixture(autouse=True)
def _few_full_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "allows", lambda *_: False)


def train(steps: int, *, reuses: bool = False) -> None:
    torch.manual_seed(0)
    model = nn.Linear(12, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    targets = torch.zeros(8, dtype=torch.int64)
    for _ in range(steps):
        x = torch.randn(8, 12)
        labels = x[:, :4].argmax(dim=1)
        targets = targets.copy_(labels) if reuses else labels
        optimizer.zero_grad()
        F.cross_entropy(model(x), targets).backward()
        optimizer.step()


def assert_same(one: RunRecord, other: RunRecord) -> None:
    for metric in GLANCED:
        first, second = one.of(metric)["SGD"], other.of(metric)["SGD"]
        assert len(first) == STEPS
        np.testing.assert_array_equal(first.steps, second.steps)
        np.testing.assert_array_equal(first.values, second.values)


def test_they_are_what_each_alone_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with watched(tmp_path / "together"):
        train(STEPS)
    monkeypatch.setattr(glances, "LARGEST_BYTES", 0)
    with watched(tmp_path / "alone"):
        train(STEPS)
    assert_same(read_run(tmp_path / "together"), read_run(tmp_path / "alone"))


def test_targets_may_be_written_to_meanwhile(tmp_path: Path):
    with watched(tmp_path / "new"):
        train(STEPS)
    with watched(tmp_path / "reused"):
        train(STEPS, reuses=True)
    assert_same(read_run(tmp_path / "new"), read_run(tmp_path / "reused"))


def test_none_is_missing_from_what_is_written_so_far(tmp_path: Path):
    with watched(tmp_path) as watching:
        train(STEPS)
        watching.flush()
        record = read_run(tmp_path)
    assert record.of("accuracy")["SGD"].steps.tolist() == list(range(STEPS))
    # Measuring calls loss functions without gradients, as an evaluation would.
    assert not read_run(tmp_path).of("evaluation_loss")
