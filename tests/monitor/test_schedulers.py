"""What the record holds of a training's schedulers."""

import gc
import sys
import warnings
import weakref
from pathlib import Path

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from defib.records.reading import read_run
from defib.records.run import Event
from defib.schedules.one_cycle import OneCycle
from defib.schedules.warm_up import WarmUp
from defib.training.scheduled_learning_rate import ScheduledLearningRate
from tests.monitor.conftest import watched


def model() -> torch.nn.Linear:
    return torch.nn.Linear(2, 1)


def optimizer_step(network: torch.nn.Module, optimizer: Optimizer) -> None:
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()


def train(make, *, steps: int = 10) -> weakref.ref[LRScheduler]:
    network = model()
    optimizer = SGD(network.parameters(), lr=0.1)
    scheduler = make(optimizer)
    for _ in range(steps):
        optimizer_step(network, optimizer)
        scheduler.step()
    return weakref.ref(scheduler)


def schedulers_of(directory: Path) -> list[Event]:
    return [event for event in read_run(directory).events if event.kind == "scheduler"]


@pytest.mark.parametrize(
    ("make", "kind", "planned"),
    [
        (lambda o: OneCycleLR(o, 0.1, total_steps=50), "OneCycleLR", 50),
        (lambda o: OneCycleLR(o, 0.1, epochs=5, steps_per_epoch=10), "OneCycleLR", 50),
        (lambda o: CosineAnnealingLR(o, 30), "CosineAnnealingLR", 30),
        (lambda o: PolynomialLR(o, 20), "PolynomialLR", 20),
        (lambda o: StepLR(o, 3), "StepLR", None),
        (lambda o: LinearLR(o), "LinearLR", None),
        (lambda o: CosineAnnealingWarmRestarts(o, 5), "CosineAnnealingWarmRestarts", None),
        (
            lambda o: ScheduledLearningRate(o, WarmUp(OneCycle(0.1, 40), 5)),
            "ScheduledLearningRate",
            45,
        ),
    ],
)
def test_kind_plan_and_calls_are_recorded(tmp_path: Path, make, kind: str, planned: float | None):
    with watched(tmp_path):
        train(make)
    [event] = schedulers_of(tmp_path)
    assert event.detail["scheduler"] == kind
    assert event.detail["optimizer"] == "SGD"
    assert event.detail["calls"] == 10
    assert event.detail["early_calls"] == 0
    assert event.detail.get("planned") == planned


def test_the_line_that_steps_it_is_recorded(tmp_path: Path):
    with watched(tmp_path):
        train(lambda o: StepLR(o, 3))
    [event] = schedulers_of(tmp_path)
    assert event.site is not None
    assert event.site.code == "scheduler.step()"


def test_a_call_before_the_optimizer_is_an_early_one(tmp_path: Path):
    network = model()
    with watched(tmp_path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of it, too
        optimizer = SGD(network.parameters(), lr=0.1)
        scheduler = StepLR(optimizer, 3)
        for _ in range(5):
            scheduler.step()
            optimizer_step(network, optimizer)
    [event] = schedulers_of(tmp_path)
    assert (event.detail["calls"], event.detail["early_calls"]) == (5, 1)


def test_a_scheduler_that_was_made_before_the_watch_is_counted(tmp_path: Path):
    network = model()
    optimizer = SGD(network.parameters(), lr=0.1)
    scheduler = CosineAnnealingLR(optimizer, 30)
    with watched(tmp_path):
        for _ in range(5):
            optimizer_step(network, optimizer)
            scheduler.step()
    [event] = schedulers_of(tmp_path)
    assert (event.detail["calls"], event.detail["planned"]) == (5, 30)


def test_one_that_is_gone_is_remembered_and_not_kept_alive(tmp_path: Path):
    with watched(tmp_path):
        first = train(lambda o: StepLR(o, 3))
        gc.collect()
        assert first() is None
        train(lambda o: CosineAnnealingLR(o, 30), steps=7)
    assert sorted(event.detail["calls"] for event in schedulers_of(tmp_path)) == [7, 10]


@pytest.mark.parametrize(
    "join",
    [
        lambda o, a, b: SequentialLR(o, [a, b], milestones=[3]),
        lambda o, a, b: ChainedScheduler([a, b], optimizer=o),
    ],
)
def test_what_another_one_steps_has_no_pace_of_its_own(tmp_path: Path, join):
    with watched(tmp_path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The epoch parameter")
        train(lambda o: join(o, LinearLR(o), CosineAnnealingLR(o, 7)))
    assert schedulers_of(tmp_path) == []


def test_one_that_is_never_stepped_is_not_recorded(tmp_path: Path):
    with watched(tmp_path):
        network = model()
        optimizer = SGD(network.parameters(), lr=0.1)
        scheduler = StepLR(optimizer, 3)
        optimizer_step(network, optimizer)
    assert scheduler.last_epoch == 0
    assert schedulers_of(tmp_path) == []


def test_what_a_scheduler_does_is_the_same_with_and_without_a_watch(tmp_path: Path):
    def rates(make) -> list[float]:
        network = model()
        optimizer = SGD(network.parameters(), lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        found = []
        for step in range(12):
            optimizer_step(network, optimizer)
            scheduler.step(*([1.0] if isinstance(scheduler, ReduceLROnPlateau) else []))
            found.append((step, optimizer.param_groups[0]["lr"], scheduler.state_dict()))
        return found

    for number, make in enumerate(
        (
            lambda o: OneCycleLR(o, 0.1, total_steps=20),
            lambda o: CosineAnnealingWarmRestarts(o, 5),
            lambda o: ReduceLROnPlateau(o, patience=2),
            lambda o: StepLR(o, 3),
        )
    ):
        alone = rates(make)
        with watched(tmp_path / str(number)):
            seen = rates(make)
        assert repr(seen) == repr(alone)


def test_a_warning_of_torch_names_the_line_of_the_user(tmp_path: Path):
    optimizer = SGD(model().parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 3)
    with watched(tmp_path), pytest.warns(UserWarning, match="before `optimizer") as caught:
        scheduler.step()
    assert [each.filename for each in caught] == [__file__]


def test_torch_is_as_it_was_afterwards(tmp_path: Path):
    before = (LRScheduler.__init__, LRScheduler.step, CosineAnnealingWarmRestarts.step)
    with watched(tmp_path):
        assert before[1] is not LRScheduler.step
    assert before == (LRScheduler.__init__, LRScheduler.step, CosineAnnealingWarmRestarts.step)


def test_a_call_is_counted_within_two_functions(tmp_path: Path):
    class Empty(LRScheduler):
        def get_lr(self):
            return [0.1]

    network = model()
    optimizer = SGD(network.parameters(), lr=0.1)
    scheduler = Empty(optimizer)

    def functions_called(count: int = 100) -> int:
        called: list[str] = []
        sys.setprofile(lambda *seen: called.append(seen[1]))
        for _ in range(count):
            scheduler.step()
        sys.setprofile(None)
        return called.count("call") // count

    optimizer_step(network, optimizer)
    alone = functions_called()
    with watched(tmp_path):
        functions_called(10)
        seen = functions_called()
    assert seen - alone <= 2
