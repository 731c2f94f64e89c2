"""A training that lasts several times as many passes over its data."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from defib.fixes.base import fix_called
from defib.fixes.live_training import LiveTraining
from defib.fixes.more_epochs import MoreEpochs
from defib.records.finding import Finding, Severity
from defib.records.reading import read_run
from defib.records.run import LoaderFact, OptimizerFact, RunRecord
from defib.records.series import Series

LOADER = LoaderFact("DataLoader")
FINDING = Finding("too-few-epochs", Severity.INFO, "", (0, 59))


def batches_seen(fix: str, *, epochs: int, evaluations: int = 0) -> tuple[int, int, LiveTraining]:
    """Batches of the training and of the evaluation loader."""
    training = LiveTraining()
    fix_called(fix).connect(training)
    training.connect()
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = TensorDataset(torch.randn(12, 2))
    loader, validation = DataLoader(data, batch_size=4), DataLoader(data, batch_size=6)
    trained = evaluated = 0
    try:
        for _ in range(epochs):
            for (inputs,) in loader:
                optimizer.zero_grad()
                model(inputs).mean().backward()
                optimizer.step()
                trained += 1
            for _ in range(evaluations):
                evaluated += sum(1 for _ in validation)
    finally:
        training.disconnect()
    return trained, evaluated, training


def test_each_epoch_has_as_many_passes():
    trained, _, training = batches_seen("more-epochs=3", epochs=2)
    assert trained == 2 * 3 * 3
    assert training.activity == {"another pass over the data loader": 4}


def test_without_a_value_every_other_epoch_has_a_pass_more():
    assert batches_seen("more-epochs", epochs=4)[0] == 6 * 3


def test_the_first_epoch_has_it():
    assert batches_seen("more-epochs=1.5", epochs=1)[0] == 2 * 3


def test_an_evaluation_has_no_more_batches():
    assert batches_seen("more-epochs=2", epochs=2, evaluations=1)[1] == 2 * 2


def test_a_loop_without_a_loader_is_told():
    training = LiveTraining()
    fix_called("more-epochs").connect(training)
    training.disconnect()
    assert training.activity == {}
    assert "no data loader" in training.missing


def record_with(rates: list[float], *loaders: LoaderFact) -> RunRecord:
    return RunRecord(
        steps=60,
        loaders=loaders,
        optimizers=(OptimizerFact("SGD", "SGD"),),
        series={"learning_rate": {"SGD": Series.of(rates)}},
    )


def test_batches_that_come_from_no_loader_are_an_obstacle():
    assert "no data loader" in MoreEpochs(2.0).obstacle(record_with([0.1, 0.1]), FINDING)


def test_a_schedule_is_an_obstacle():
    assert "schedule" in MoreEpochs(2.0).obstacle(record_with([0.1, 0.05], LOADER), FINDING)


def test_one_learning_rate_is_none():
    assert MoreEpochs(2.0).obstacle(record_with([0.1, 0.1], LOADER), FINDING) == ""


OPTIONS = ("--no-live", "--out", "run", "--with", "more-epochs=3")
KERAS_SCRIPT = """
import keras, numpy
keras.utils.set_random_seed(0)
inputs = numpy.random.randn(64, 4).astype("float32")
targets = inputs.sum(1, keepdims=True)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
model.fit(inputs, targets, batch_size=16, epochs=2, verbose=0)
"""


@pytest.mark.slow
def test_fit_of_keras_gets_more_epochs(tmp_path: Path):
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    (tmp_path / "train.py").write_text(KERAS_SCRIPT, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "defib", "run", *OPTIONS, "train.py"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    assert read_run(tmp_path / "run").steps == 2 * 3 * 4
