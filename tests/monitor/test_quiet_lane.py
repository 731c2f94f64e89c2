"""The lane of steps that are not looked at: nearly all steps of a long training."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.checkpoint import checkpoint

from defib.monitor.budget import Budget
from defib.monitor.jumps import JumpDetector
from defib.monitor.monitor import Monitor
from defib.monitor.pending import Pending
from defib.monitor.quiet_lane import QuietLane
from defib.monitor.sampling import Sampler
from defib.monitor.tracked import Tracked
from defib.monitor.transfer import LossBuffer
from defib.records.reading import read_run
from tests.monitor.conftest import watched
from tests.monitor.families import LOOPS, MODELS, OPTIMIZERS, trained

STEPS = 260


@pytest.fixture
def quiet_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that took the lane, where the budget allows none but those of the floor."""
    monkeypatch.setattr(Budget, "allows", lambda *_: False)
    monkeypatch.setattr(Budget, "next_allowed", lambda *_: math.inf)
    taken: list[int] = []
    original = Monitor.leave_lane

    def leave_lane(monitor: Monitor) -> None:
        taken.extend(range(monitor.steps, monitor.steps_taken()))
        original(monitor)

    monkeypatch.setattr(Monitor, "leave_lane", leave_lane)
    return taken


def losses_of(model: nn.Module, steps: int, *, spoilt: int = -1) -> list[float]:
    """A training that keeps its own losses; the inputs of step `spoilt` are not finite."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    seen: list[float] = []
    for step in range(steps):
        x = torch.randn(8, 12)
        if step == spoilt:
            x = x / 0
        loss = F.cross_entropy(model(x), x[:, :4].argmax(dim=1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    return seen


def test_most_steps_take_the_short_path(tmp_path: Path, quiet_steps: list[int]):
    with watched(tmp_path):
        losses_of(MODELS["dropout"](), STEPS)
    assert len(quiet_steps) > 0.8 * (STEPS - 100)


def test_every_loss_is_recorded(tmp_path: Path, quiet_steps: list[int]):
    with watched(tmp_path):
        own = losses_of(MODELS["dropout"](), STEPS)
    record = read_run(tmp_path)
    assert quiet_steps
    assert record.steps == STEPS
    assert record.of("loss")["SGD"].steps.tolist() == list(range(STEPS))
    assert record.of("loss")["SGD"].values.tolist() == pytest.approx(own, rel=1e-6)


@pytest.mark.parametrize("loop", LOOPS)
def test_training_is_left_as_found(tmp_path: Path, quiet_steps: list[int], loop: str):
    arguments = MODELS["in-place ReLU"], OPTIMIZERS["AdamW"], LOOPS[loop], STEPS
    alone = trained(*arguments)
    with watched(tmp_path):
        assert trained(*arguments) == alone
    assert quiet_steps or loop in ("accumulation", "gradient scaler")


def test_the_first_bad_value_is_found_there_too(tmp_path: Path, quiet_steps: list[int]):
    with watched(tmp_path):
        losses_of(MODELS["dropout"](), 180, spoilt=150)
    assert quiet_steps
    [event] = [each for each in read_run(tmp_path).events if each.kind == "non-finite"]
    assert event.step == 150


def test_a_disabled_gradient_scaler_skips_nothing(tmp_path: Path, quiet_steps: list[int]):
    model = MODELS["dropout"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    with watched(tmp_path):
        for _ in range(STEPS):
            optimizer.zero_grad()
            scaler.scale(model(torch.randn(8, 12)).square().mean()).backward()
            scaler.step(optimizer)
            scaler.update()
    record = read_run(tmp_path)
    assert quiet_steps
    assert record.steps == STEPS
    assert [each for each in record.events if each.kind == "skipped-step"] == []


def test_an_evaluation_belongs_to_the_step_before_it(tmp_path: Path, quiet_steps: list[int]):
    model = MODELS["dropout"]()
    with watched(tmp_path):
        losses_of(model, 150)
        with torch.no_grad():
            F.cross_entropy(model(torch.randn(8, 12)), torch.zeros(8, dtype=torch.int64))
        losses_of(model, 20)
    [series] = read_run(tmp_path).of("evaluation_loss").values()
    assert quiet_steps
    assert series.steps.tolist() == [149]


def test_several_optimizers_are_counted_apart(tmp_path: Path, quiet_steps: list[int]):
    first, second = nn.Linear(12, 4), nn.Linear(12, 4)
    optimizers = [torch.optim.SGD(first.parameters()), torch.optim.Adam(second.parameters())]
    with watched(tmp_path):
        for _ in range(STEPS // 2):
            for model, optimizer in zip((first, second), optimizers, strict=True):
                optimizer.zero_grad()
                model(torch.randn(8, 12)).square().mean().backward()
                optimizer.step()
    record = read_run(tmp_path)
    assert quiet_steps
    assert [len(record.of("loss")[name]) for name in ("SGD", "Adam")] == [STEPS // 2] * 2


def test_one_backward_for_two_optimizers_is_one_step(tmp_path: Path, quiet_steps: list[int]):
    model = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 4))
    optimizers = [
        torch.optim.SGD(model[0].parameters()),
        torch.optim.Adam(model[2].parameters()),
    ]
    with watched(tmp_path):
        for _ in range(STEPS):
            model.zero_grad()
            model(torch.randn(8, 12)).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
    assert quiet_steps
    assert read_run(tmp_path).steps == STEPS


FAILING: list[tuple[type, str]] = [
    (Monitor, "leave_lane"),
    (Monitor, "_open_lane"),
    (Monitor, "_end_steps"),
    (Pending, "is_due"),
    (QuietLane, "open"),
    (QuietLane, "close"),
    (Sampler, "quiet_steps"),
    (JumpDetector, "add"),
    (LossBuffer, "add"),
    (Tracked, "of"),
]


@pytest.mark.parametrize(("owner", "method"), FAILING)
@pytest.mark.usefixtures("quiet_steps")
def test_a_failure_in_it_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
):
    arguments = MODELS["in-place ReLU"], OPTIMIZERS["SGD"], LOOPS["plain"], STEPS
    alone = trained(*arguments)
    monkeypatch.setattr(owner, method, failing_later(getattr(owner, method), after=150))
    with watched(tmp_path, strict=False):
        assert trained(*arguments) == alone


def failing_later(original: Callable[..., Any], after: int) -> Callable[..., Any]:
    calls = 0

    def failing(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise RuntimeError("injected")
        return original(*arguments, **keywords)

    return failing


def test_a_hook_of_the_users_may_evaluate_there(tmp_path: Path, quiet_steps: list[int]):
    model = MODELS["dropout"]()
    evaluated = 0

    def evaluate(*_: Any) -> None:
        nonlocal evaluated
        with torch.no_grad():
            F.cross_entropy(model(torch.ones(8, 12)), torch.zeros(8, dtype=torch.int64))
        evaluated += 1

    with watched(tmp_path):
        losses_of(model, STEPS // 2)
        hook = register_optimizer_step_pre_hook(evaluate)
        try:
            losses_of(model, STEPS // 2)
        finally:
            hook.remove()
    assert quiet_steps
    assert evaluated == STEPS // 2
    assert read_run(tmp_path).steps == STEPS


def test_a_step_with_a_closure_has_the_first_of_its_losses(tmp_path: Path, quiet_steps: list[int]):
    model = MODELS["dropout"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    firsts: list[float] = []

    def several() -> torch.Tensor:
        losses: list[torch.Tensor] = []
        for _ in range(3):
            optimizer.zero_grad()
            losses.append(model(torch.randn(8, 12)).square().mean())
            losses[-1].backward()
        firsts.append(losses[0].item())
        return losses[-1]

    with watched(tmp_path):
        for step in range(STEPS):
            if step < STEPS // 2:
                optimizer.zero_grad()
                model(torch.randn(8, 12)).square().mean().backward()
                optimizer.step()
            else:
                optimizer.step(several)  # pyright: ignore[reportArgumentType]
    record = read_run(tmp_path)
    assert quiet_steps
    assert record.steps == STEPS
    values = record.of("loss")["SGD"].values.tolist()
    assert values[STEPS // 2 :] == pytest.approx(firsts, rel=1e-6)


WAYS: dict[str, Callable[[torch.Tensor], None]] = {
    "function": lambda loss: torch.autograd.backward(loss),
    "method": lambda loss: loss.backward(),
    "method with arguments": lambda loss: loss.backward(None, True),
}


@pytest.mark.parametrize("call", WAYS.values(), ids=WAYS)
def test_every_way_to_call_backward_is_a_step(
    tmp_path: Path, quiet_steps: list[int], call: Callable[[torch.Tensor], None]
):
    model = MODELS["dropout"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    own: list[float] = []
    with watched(tmp_path):
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = model(torch.randn(8, 12)).square().mean()
            call(loss)
            optimizer.step()
            own.append(loss.item())
    record = read_run(tmp_path)
    assert record.of("loss")["SGD"].values.tolist() == pytest.approx(own, rel=1e-6)
    del quiet_steps


def test_a_backward_within_a_backward_is_no_step(tmp_path: Path, quiet_steps: list[int]):
    first, last = nn.Linear(12, 8), nn.Linear(8, 4)
    optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.01)
    own: list[float] = []
    with watched(tmp_path):
        for _ in range(STEPS):
            optimizer.zero_grad()
            inputs = torch.randn(8, 12, requires_grad=True)
            hidden = checkpoint(first, inputs, use_reentrant=True)
            loss = last(hidden).square().mean()
            loss.backward()
            optimizer.step()
            own.append(loss.item())
    record = read_run(tmp_path)
    assert quiet_steps
    assert record.of("loss")["SGD"].values.tolist() == pytest.approx(own, rel=1e-6)
