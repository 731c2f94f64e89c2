"""What the training code names, and what it does with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.probes.training_code import ANYWHERE, NEAR
from tests.probes.first_batches import record_of


def loss_of(model: nn.Module) -> Tensor:
    return F.mse_loss(model(torch.randn(16, 3)), torch.randn(16, 1))


def begun() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    return model, torch.optim.SGD(model[2].parameters(), lr=0.1)


def thaws_later() -> None:
    model, optimizer = begun()
    for epoch in range(2):
        if epoch:
            optimizer.add_param_group({"params": model.get_submodule("0").parameters()})
        loss_of(model).backward()
        optimizer.step()


def subtracts() -> None:
    model, optimizer = begun()
    loss_of(model).backward()
    optimizer.step()
    with torch.no_grad():
        for each in model.parameters():
            if each.grad is not None:
                each -= 0.1 * each.grad


def sets_data() -> None:
    model, optimizer = begun()
    loss_of(model).backward()
    optimizer.step()
    for each in gradients_of(model):
        each.data = each.data - 0.1 * each.grad


def gradients_of(model: nn.Module) -> Iterator[nn.Parameter]:
    return (each for each in model.parameters() if each.grad is not None)


def measures_norms() -> None:
    model, optimizer = begun()
    total = 0.0
    loss_of(model).backward()
    for each in model.parameters():
        if each.grad is not None:
            total += float(each.grad.norm())
    optimizer.step()


@pytest.mark.parametrize("train", [subtracts, sets_data])
def test_a_step_that_is_written_out_is_seen(train: Callable[[], None]):
    assert record_of(train).value("steps_by_hand") == NEAR


@pytest.mark.parametrize("train", [measures_norms, thaws_later])
def test_reading_gradients_is_no_step(train: Callable[[], None]):
    assert record_of(train).value("steps_by_hand") <= ANYWHERE


@pytest.mark.parametrize(("train", "place"), [(thaws_later, NEAR), (subtracts, ANYWHERE)])
def test_what_runs_is_near_and_other_code_is_not(train: Callable[[], None], place: float):
    assert record_of(train).of("named_in_code")["add_param_group"] == place
