"""Predictions and targets of neighbouring steps, measured some at once."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.monitor import predictions
from defib.monitor.budget import Budget
from defib.records.reading import read_run
from defib.records.run import RunRecord
from tests.monitor.conftest import watched

STEPS = 64
SEEN = ("accuracy", "label_mix_loss", "prediction_mean", "prediction_batch_std")

Loss = Callable[[Tensor, Tensor], Tensor]


@pytest.fixture(autouse=True)
def _few_full_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "allows", lambda *_: False)


def of_classes(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels)


def with_labels_left_out(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels.masked_fill(labels == 3, -100))


def of_sequences(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs.view(2, 4, 4).movedim(-1, 1), labels.view(2, 4))


def of_numbers(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.mse_loss(outputs[:, 0], labels.float())


def of_one_hot_classes(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.mse_loss(outputs, F.one_hot(labels, 4).float())


def of_two_classes(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(outputs[:, :1], (labels[:, None] > 1).float())


def of_clamped_probabilities(outputs: Tensor, labels: Tensor) -> Tensor:
    probabilities = (0.5 + outputs[:, 0]).clamp(0.0, 1.0)
    return F.binary_cross_entropy(probabilities, (labels > 1).float())


def train(steps: int, loss: Loss = of_classes, *, reuses: bool = False) -> None:
    torch.manual_seed(0)
    model = nn.Linear(12, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    targets = torch.zeros(8, dtype=torch.int64)
    for _ in range(steps):
        x = torch.randn(8, 12)
        labels = x[:, :4].argmax(dim=1)
        targets = targets.copy_(labels) if reuses else labels
        optimizer.zero_grad()
        loss(model(x), targets).backward()
        optimizer.step()


def assert_same(one: RunRecord, other: RunRecord, metrics: Iterable[str]) -> None:
    for metric in metrics:
        first, second = one.of(metric), other.of(metric)
        assert first.keys() == second.keys()
        for subject in first:
            np.testing.assert_array_equal(first[subject].steps, second[subject].steps)
            values = first[subject].values, second[subject].values
            np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6, err_msg=metric)


@pytest.mark.parametrize(
    "loss",
    [
        of_classes,
        with_labels_left_out,
        of_sequences,
        of_numbers,
        of_one_hot_classes,
        of_two_classes,
        of_clamped_probabilities,
    ],
)
def test_they_are_what_each_alone_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Loss
):
    with watched(tmp_path / "together"):
        train(STEPS, loss)
    monkeypatch.setattr(predictions, "LARGEST_BYTES", 0)
    with watched(tmp_path / "alone"):
        train(STEPS, loss)
    together, alone = read_run(tmp_path / "together"), read_run(tmp_path / "alone")
    assert len(alone.of("prediction_mean")["SGD"]) == STEPS
    assert together.series.keys() == alone.series.keys()
    # Memory and waiting times are the machine's.
    metrics = [each for each in alone.series if "memory" not in each and "seconds" not in each]
    assert_same(together, alone, metrics)


def test_targets_may_be_written_to_meanwhile(tmp_path: Path):
    with watched(tmp_path / "new"):
        train(STEPS)
    with watched(tmp_path / "reused"):
        train(STEPS, reuses=True)
    assert_same(read_run(tmp_path / "new"), read_run(tmp_path / "reused"), SEEN)


def test_none_is_missing_from_what_is_written_so_far(tmp_path: Path):
    with watched(tmp_path) as watching:
        train(STEPS)
        watching.flush()
        record = read_run(tmp_path)
    assert record.of("accuracy")["SGD"].steps.tolist() == list(range(STEPS))
    # Measuring calls loss functions without gradients, as an evaluation would.
    assert not read_run(tmp_path).of("evaluation_loss")
