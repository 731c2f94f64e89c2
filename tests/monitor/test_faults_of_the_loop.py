"""What the monitor notices of the loop around the steps: clipping, modes, waiting, memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from defib.monitor.clipping import CALLS_SEEN
from defib.monitor.data_wait import DataWait
from defib.records.run import Event, RunRecord
from tests.monitor.conftest import record_of, watched

INPUTS, TARGETS = torch.ones(4, 3), torch.zeros(4, 1)


def events(run: RunRecord, kind: str) -> list[Event]:
    return [event for event in run.events if event.kind == kind]


def train(directory: Path, order: str, steps: int = CALLS_SEEN) -> RunRecord:
    """A training whose step does the given things: z(ero), b(ackward), c(lip), s(tep)."""
    with watched(directory):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        actions: dict[str, Callable[[], object]] = {
            "z": optimizer.zero_grad,
            "b": lambda: F.mse_loss(model(INPUTS), TARGETS).backward(),
            "c": lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5),
            "s": optimizer.step,
        }
        for _ in range(steps):
            for name in order:
                actions[name]()
    return record_of(directory)


@pytest.mark.parametrize("order", ["zcbs", "bscz"])
def test_clipping_before_there_is_a_gradient_is_noticed(tmp_path: Path, order: str):
    run = train(tmp_path, order)
    [event] = events(run, "clipping-without-backward")
    assert event.detail["calls"] == CALLS_SEEN


def test_clipping_after_backward_is_as_it_should_be(tmp_path: Path):
    run = train(tmp_path, "zbcs")
    assert events(run, "clipping-without-backward") == []
    [event] = events(run, "gradient-clipping")
    assert event.detail["limit"] == 0.5
    assert event.site is not None


def test_nothing_is_noted_without_clipping(tmp_path: Path):
    assert events(train(tmp_path, "zbs"), "gradient-clipping") == []


def test_a_limit_given_by_name_is_clipped_to_as_well(tmp_path: Path):
    with watched(tmp_path):
        weight = nn.Parameter(torch.ones(2))
        weight.grad = torch.full((2,), 3.0)
        nn.utils.clip_grad_norm_([weight], max_norm=1.0)
        norm = float(torch.linalg.vector_norm(weight.grad))
    assert norm == pytest.approx(1.0, rel=1e-5)


def evaluated(
    directory: Path,
    *,
    evaluates_in: Callable[[nn.Module], object],
    begins: Callable[[], object] = int,
    p: float = 0.5,
):
    with watched(directory):
        begins()
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(p), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            F.mse_loss(model(INPUTS), TARGETS).backward()
            optimizer.step()
            evaluates_in(model)
            with torch.no_grad():
                F.mse_loss(model(INPUTS), TARGETS)
            model.train()
    return events(record_of(directory), "evaluation-in-training-mode")


def test_an_evaluation_in_training_mode_is_noticed_once(tmp_path: Path):
    [event] = evaluated(tmp_path, evaluates_in=nn.Module.train)
    assert (event.detail["modules"], event.detail["kinds"]) == (1, "Dropout")


def test_an_evaluation_in_evaluation_mode_is_as_it_should_be(tmp_path: Path):
    assert evaluated(tmp_path, evaluates_in=nn.Module.eval) == []


def test_modules_that_were_copied_and_not_made_count_as_well(tmp_path: Path):
    with watched(tmp_path):
        model = nn.ModuleList(
            [copy.deepcopy(nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.5))) for _ in range(2)]
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            F.mse_loss(model[0](INPUTS), TARGETS).backward()
            optimizer.step()
            with torch.no_grad():
                F.mse_loss(model[0](INPUTS), TARGETS)
    [event] = events(record_of(tmp_path), "evaluation-in-training-mode")
    assert event.detail["modules"] == 2


@pytest.mark.parametrize("steps", [1, 40])
def test_predictions_of_evaluation_mode_may_get_their_loss_afterwards(tmp_path: Path, steps: int):
    with watched(tmp_path):
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(5):
            for _ in range(steps):
                optimizer.zero_grad()
                F.mse_loss(model(INPUTS), TARGETS).backward()
                optimizer.step()
            with torch.no_grad():
                predictions = model.eval()(INPUTS)
                model.train()
                F.mse_loss(predictions, TARGETS)
    assert events(record_of(tmp_path), "evaluation-in-training-mode") == []


def test_another_network_in_evaluation_mode_before_the_training_hides_nothing(tmp_path: Path):
    teacher = nn.Linear(3, 1)
    found = evaluated(tmp_path, evaluates_in=nn.Module.train, begins=teacher.eval)
    assert len(found) == 1


def test_dropout_that_drops_nothing_has_no_mode(tmp_path: Path):
    assert evaluated(tmp_path, evaluates_in=nn.Module.train, p=0.0) == []


def test_the_wait_for_a_batch_is_part_of_its_step(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for inputs, targets in DataLoader(TensorDataset(*_examples(32)), batch_size=4):
            optimizer.zero_grad()
            F.mse_loss(model(inputs), targets).backward()
            optimizer.step()
    run = record_of(tmp_path)
    [waits], [steps] = run.of("data_wait_seconds").values(), run.of("step_seconds").values()
    assert len(waits) == len(steps) >= 4
    assert (waits.values > 0).all()
    assert (waits.values < steps.values).all()


def _examples(count: int) -> tuple[Tensor, Tensor]:
    return torch.ones(count, 3), torch.zeros(count, 1)


def test_the_time_of_the_monitor_is_no_time_of_the_step():
    now = iter((10.0,))
    wait = DataWait(lambda: next(now))
    wait.start(spent=1.0)
    wait.add(0.5)
    _, [waited, step] = wait.read(now=13.0, spent=1.25)
    assert (waited, step) == (0.5, 2.75)
    assert not wait.is_on


def test_memory_is_recorded_in_bytes(tmp_path: Path):
    [memory] = train(tmp_path, "zbs").of("memory_bytes").values()
    assert 1e7 < memory.first < 1e12


def test_a_scale_that_has_sunk_to_zero_fails_nothing(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**-149)
        for _ in range(4):
            optimizer.zero_grad()
            scaler.scale(F.mse_loss(model(INPUTS * torch.nan), TARGETS)).backward()
            scaler.step(optimizer)
            scaler.update()
    assert len(events(record_of(tmp_path), "skipped-step")) == 4
