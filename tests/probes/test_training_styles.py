"""Closures, mixed precision, streams: ways to train that the experiments on copies must follow."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from defib.checkup import check_up
from defib.records.finding import Severity
from defib.records.preflight import PreflightRecord
from tests.probes.first_batches import record_of


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def batch() -> tuple[Tensor, Tensor]:
    inputs = torch.randn(32, 6)
    return inputs, inputs[:, :3].argmax(1)


def alarms(record: PreflightRecord) -> list[str]:
    return [each.rule for each in check_up(record).findings if each.severity is not Severity.INFO]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_lbfgs_with_its_closure_is_tried_on_copies():
    def go() -> None:
        model, (inputs, targets) = network(), batch()
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets)
            loss.backward()
            return loss

        optimizer.step(closure)  # type: ignore[arg-type]

    record = record_of(go)
    assert record.sequence("fit_loss", "own")[-1] < 0.1
    assert record.not_measured["first_step_slope"] == "the optimizer takes several steps in one"
    assert alarms(record) == []


@pytest.mark.parametrize("is_scaled", [False, True])
def test_mixed_precision_and_its_loss_scale_are_followed(is_scaled: bool):
    def go() -> None:
        model, (inputs, targets) = network(), batch()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scaler = torch.amp.GradScaler("cpu", enabled=is_scaled)
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(inputs), targets)
        scaler.scale(loss).backward()
        scaler.step(optimizer)

    record = record_of(go)
    first = record.sequence("fit_loss", "own")[0]
    assert first == pytest.approx(record.value("initial_loss"), 1e-2)
    assert record.sequence("fit_loss", "own")[-1] < 0.3 * first
    assert record.of("gradient_rms")["0.weight"] < 1
    assert alarms(record) == []


def test_a_stream_without_an_end_is_read_no_further_than_the_script_reads_it():
    read: list[int] = []

    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            while True:
                read.append(1)
                inputs = torch.randn(6)
                yield inputs, int(inputs[:3].argmax())

    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for inputs, targets in DataLoader(Stream(), batch_size=32):
            F.cross_entropy(model(inputs), targets).backward()
            optimizer.step()

    record = record_of(go)
    assert len(read) == 32
    reason = "the loader reads an iterable data set, which gives data once"
    for metric in ("label_count", "neighbour_excess", "shared_examples"):
        assert record.not_measured[metric] == reason
    assert alarms(record) == []


def test_a_sampler_of_the_users_own_is_not_imitated():
    class Backwards(torch.utils.data.Sampler[int]):
        def __iter__(self) -> Any:
            return iter(range(319, -1, -1))

        def __len__(self) -> int:
            return 320

    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        inputs = torch.randn(320, 6)
        data = torch.utils.data.TensorDataset(inputs, inputs[:, :3].argmax(1))
        for features, labels in DataLoader(data, batch_size=32, sampler=Backwards()):
            F.cross_entropy(model(features), labels).backward()
            optimizer.step()

    assert record_of(go).not_measured["label_count"] == "the loader's sampler is a Backwards"


def test_copies_of_loaders_parts_belong_to_one_process_of_several():
    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        inputs = torch.randn(320, 6)
        data = torch.utils.data.TensorDataset(inputs, inputs[:, :3].argmax(1))
        sampler = torch.utils.data.DistributedSampler(data, num_replicas=2, rank=0)
        for features, labels in DataLoader(data, batch_size=32, sampler=sampler):
            F.cross_entropy(model(features), labels).backward()
            optimizer.step()

    record = record_of(go)
    assert len(record.sequence("label_count", "0")) == 5
    assert alarms(record) == []
