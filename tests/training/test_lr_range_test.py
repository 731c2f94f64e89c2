import hashlib
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from defib.errors import UsageError
from defib.records.learning_rate_range import SweepEnding, Verdict
from defib.training.lr_range_test import RangeTraining, measure_range
from defib.training.range_options import RangeOptions


class Network(nn.Module):
    """All kinds of state: batch norm, dropout, a counter, a list of tensors, a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(16, 3)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.calls = 0
        self.seen: list[Tensor] = [torch.zeros(3)]
        self.fails_at = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("forward")
        self.seen[0] += 1
        self.seen.append(inputs.mean(0))
        return self.last(self.drop(torch.relu(self.norm(self.first(inputs)))))


def make(optimizer: Callable[..., Any] = torch.optim.SGD, **keywords: Any) -> dict[str, Any]:
    """A training after a few steps, so that its optimiser and scaler have a state."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    inputs = torch.randn(256, 6)
    targets = inputs[:, :3].argmax(1)
    network = Network()
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(TensorDataset(inputs, targets), 32, shuffle=True, generator=generator)
    keywords = {"lr": 0.01} | keywords
    made = optimizer([each for each in network.parameters() if each.requires_grad], **keywords)
    schedule = torch.optim.lr_scheduler.StepLR(made, 1, gamma=0.9)
    for batch, wanted in loader:

        def closure(batch: Tensor = batch, wanted: Tensor = wanted) -> Tensor:
            made.zero_grad()
            loss = F.cross_entropy(network(batch), wanted)
            loss.backward()
            return loss

        made.step(closure)
    schedule.step()
    network.norm.eval()
    return {"network": network, "optimizer": made, "schedule": schedule, "loader": loader}


def training(parts: dict[str, Any], **changes: Any) -> RangeTraining:
    network = parts["network"]
    fields: dict[str, Any] = {
        "model": network,
        "optimizer": parts["optimizer"],
        "batch_loss": lambda batch: F.cross_entropy(network(batch[0]), batch[1]),
        "loader": parts["loader"],
    }
    return RangeTraining(**(fields | changes))


def content(value: Any) -> Any:
    """All that a value holds, tensors bit by bit."""
    if isinstance(value, Tensor):
        gradient = value.grad if value.is_leaf else None
        numbers = value.detach().cpu().numpy().tobytes()
        return (id(value), value.dtype, numbers, None if gradient is None else content(gradient))
    if isinstance(value, dict):
        return [
            (id(key) if isinstance(key, Tensor) else str(key), content(each))
            for key, each in value.items()
        ]
    if isinstance(value, list | tuple):
        return [content(each) for each in value]
    if isinstance(value, int | float | str | bool | None):
        return value
    return type(value).__name__


def digest(parts: dict[str, Any]) -> str:
    """Of everything that a training could change."""
    network, optimizer = parts["network"], parts["optimizer"]
    state = [
        [
            content({k: v for k, v in vars(each).items() if k != "_modules"})
            for each in network.modules()
        ],
        content(optimizer.param_groups),
        content(optimizer.state),
        sorted(vars(optimizer)),
        content(parts["schedule"].state_dict()),
        parts["loader"].generator.get_state().numpy().tobytes(),
        content(vars(parts["scaler"])) if "scaler" in parts else None,
        torch.get_rng_state().numpy().tobytes(),
        *np.random.get_state()[1].tolist(),
        random.getstate(),
    ]
    return hashlib.sha256(repr(state).encode()).hexdigest()


SHORT = RangeOptions(start=1e-4, end=1.0, steps=20)


@pytest.mark.parametrize(
    ("optimizer", "keywords"),
    [
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.AdamW, {"lr": torch.tensor(0.01), "capturable": False, "foreach": False}),
        (torch.optim.RMSprop, {}),
        (torch.optim.Adagrad, {}),
        (torch.optim.Rprop, {}),
        (torch.optim.LBFGS, {"max_iter": 2, "history_size": 3}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_everything_is_restored_bit_for_bit(optimizer: Any, keywords: dict[str, Any]):
    parts = make(optimizer, **keywords)
    before = digest(parts)
    found = measure_range(training(parts), SHORT)
    assert len(found.sweep.losses) > 5
    assert digest(parts) == before


def test_what_was_never_trained_is_restored_too():
    parts = make()
    fresh = torch.optim.Adam(parts["network"].parameters(), lr=0.01)
    parts["optimizer"] = fresh
    parts["network"].zero_grad()
    before = digest(parts)
    measure_range(training(parts), SHORT)
    assert digest(parts) == before
    assert len(fresh.state) == 0
    assert parts["network"].first.weight.grad is None


class Interrupted(BaseException):
    pass


def failing(error: BaseException, *, at: int) -> Callable[..., Any]:
    calls = 0

    def fail(value: Any = None, *_: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= at:
            raise error
        return value

    return fail


@pytest.mark.parametrize("error", [RuntimeError("stage"), Interrupted(), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 7])
@pytest.mark.parametrize("stage", ["loader", "forward", "loss", "backward", "step", "after step"])
def test_everything_is_restored_when_a_stage_fails(stage: str, at: int, error: BaseException):
    parts = make(torch.optim.Adam)
    network, changes = parts["network"], {}
    fail = failing(error, at=at)
    hooks = []
    if stage == "loader":
        changes["loader"] = (fail(batch) for batch in list(parts["loader"]))
    elif stage == "forward":
        hooks.append(network.last.register_forward_hook(lambda *_: fail()))
    elif stage == "loss":
        changes["batch_loss"] = lambda batch: fail(network(batch[0]).sum())
    elif stage == "backward":
        hooks.append(network.first.weight.register_hook(lambda gradient: fail(gradient)))
    elif stage == "step":
        hooks.append(parts["optimizer"].register_step_pre_hook(lambda *_: fail()))
    else:
        hooks.append(parts["optimizer"].register_step_post_hook(lambda *_: fail()))
    before = digest(parts)
    with pytest.raises(type(error)):
        measure_range(training(parts, **changes), SHORT)
    assert digest(parts) == before
    for hook in hooks:
        hook.remove()


def test_a_gradient_scaler_is_used_and_restored():
    parts = make()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    scaler.scale(torch.zeros(()))
    parts["scaler"] = scaler
    before = digest(parts)
    scaled = measure_range(training(parts, scaler=scaler), SHORT)
    assert digest(parts) == before
    plain = measure_range(training(parts), SHORT)
    np.testing.assert_allclose(scaled.sweep.losses[:10], plain.sweep.losses[:10], rtol=1e-4)


def test_two_tests_in_a_row_give_the_same_answer():
    parts = make()
    first, second = (measure_range(training(parts), SHORT) for _ in range(2))
    assert first.sweep == second.sweep


def test_the_losses_are_those_of_training_at_these_rates():
    parts = make()
    found = measure_range(training(parts), SHORT)
    network, optimizer = parts["network"], parts["optimizer"]
    losses, batches = [], (batch for _ in range(9) for batch in parts["loader"])
    for rate in found.sweep.learning_rates:
        optimizer.param_groups[0]["lr"] = rate
        inputs, targets = next(batches)
        optimizer.zero_grad()
        loss = F.cross_entropy(network(inputs), targets)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert [found.sweep.first_loss, *found.sweep.losses[:-1]] == losses


def test_groups_keep_their_proportion_and_zero_stays_zero():
    parts = make()
    network = parts["network"]
    optimizer = torch.optim.SGD(
        [
            {"params": network.first.parameters(), "lr": 0.1},
            {"params": network.last.parameters(), "lr": 0.01},
            {"params": network.norm.parameters(), "lr": 0.0},
        ],
        lr=1.0,
    )
    used: list[list[float]] = []
    optimizer.register_step_post_hook(
        lambda *_: used.append([group["lr"] for group in optimizer.param_groups])
    )
    found = measure_range(training(parts, optimizer=optimizer), SHORT)
    np.testing.assert_allclose(used[5], np.array([1, 0.1, 0]) * found.sweep.learning_rates[5])
    assert [group.share for group in found.groups] == pytest.approx([1, 0.1, 0])
    assert found.current == 0.1


def test_accumulated_batches_are_one_large_batch():
    parts = make()
    parts["network"].drop.p = 0.0
    batches = list(parts["loader"])[:4]
    large = [tuple(torch.cat(each) for each in zip(*batches, strict=True))]
    one = measure_range(training(parts, loader=large), SHORT)
    options = RangeOptions(start=1e-4, end=1.0, steps=20, accumulation=4)
    four = measure_range(training(parts, loader=batches), options)
    assert len(four.sweep.losses) == 20
    np.testing.assert_allclose(one.sweep.losses, four.sweep.losses, rtol=1e-4)


def test_a_short_loader_begins_anew():
    parts = make()
    found = measure_range(training(parts, loader=[next(iter(parts["loader"]))]), SHORT)
    assert (len(found.sweep.losses), found.sweep.ending) == (20, SweepEnding.COMPLETED)


def test_an_iterator_that_cannot_begin_anew_ends_the_sweep():
    parts = make()
    found = measure_range(training(parts, loader=iter(parts["loader"])), SHORT)
    assert (len(found.sweep.losses), found.sweep.ending) == (7, SweepEnding.DATA_ENDED)
    assert found.verdict is Verdict.NO_DESCENT


def test_an_empty_loader_is_refused():
    with pytest.raises(UsageError, match="the loader is empty"):
        measure_range(training(make(), loader=[]), SHORT)


def test_a_loss_that_is_not_finite_ends_the_sweep():
    parts = make()
    values = iter([1.0] * 8 + [math.nan] * 99)
    network = parts["network"]
    batch_loss = lambda batch: network(batch[0]).sum() * 0 + next(values)  # noqa: E731
    found = measure_range(training(parts, batch_loss=batch_loss), SHORT)
    assert (len(found.sweep.losses), found.sweep.ending) == (8, SweepEnding.NOT_FINITE)


def test_code_that_refuses_numbers_that_are_not_finite_ends_the_sweep():
    parts = make()
    network, before = parts["network"], digest(parts)

    def batch_loss(batch: Any) -> Tensor:
        if not torch.isfinite(network.first.weight).all():
            raise ValueError("Expected finite logits.")
        return network(batch[0]).pow(4).sum() * 1e6

    options = RangeOptions(start=1e-4, end=1e6, steps=40)
    found = measure_range(training(parts, batch_loss=batch_loss), options)
    assert found.sweep.ending in (SweepEnding.NOT_FINITE, SweepEnding.DIVERGED)
    assert digest(parts) == before


def test_an_optimiser_without_a_learning_rate_is_refused():
    parts = make()
    parts["optimizer"].param_groups[0]["lr"] = None
    parts["optimizer"].param_groups[0].pop("initial_lr")
    with pytest.raises(UsageError, match="`lr` of group 0 of `SGD` is None"):
        measure_range(training(parts), SHORT)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"start": 0.0}, "0 < start < end"),
        ({"start": 1.0, "end": 0.1}, "0 < start < end"),
        ({"end": math.inf}, "0 < start < end"),
        ({"steps": 1}, "at least 2 steps"),
        ({"accumulation": 0}, "at least 1 batch"),
    ],
)
def test_options_that_make_no_range_are_refused(keywords: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        RangeOptions(**keywords)
