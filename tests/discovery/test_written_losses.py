"""Errors of numbers that users write out."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from defib.discovery.losses import LossReading, read_loss

INPUTS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.rand(6, 1, generator=torch.Generator().manual_seed(1))


def dense(*, bias: bool = True) -> nn.Linear:
    torch.manual_seed(2)
    return nn.Linear(3, 1, bias=bias)


def reading_of(loss: Tensor) -> LossReading:
    with torch.no_grad():
        return read_loss(loss.grad_fn)


NETWORKS: dict[str, Callable[[Tensor], Tensor]] = {
    "dense": dense(),
    "dense without bias": dense(bias=False),
    "sigmoid": nn.Sequential(dense(), nn.Sigmoid()),
    "tanh": nn.Sequential(dense(), nn.Tanh()),
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squares": lambda x, y: ((x - y) ** 2).mean(),
    "targets first": lambda x, y: (y - x).square().mean(),
    "sum": lambda x, y: (x - y).pow(2).sum(),
    "absolute": lambda x, y: (x - y).abs().mean(),
    "squeezed": lambda x, y: ((x.squeeze(1) - y.squeeze(1)) ** 2).mean(),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("loss", LOSSES)
def test_predictions_and_targets_are_told_apart(network: str, loss: str):
    outputs = NETWORKS[network](INPUTS)
    reading = reading_of(LOSSES[loss](outputs, TARGETS))
    assert reading.predictions is not None
    assert reading.targets is not None
    assert torch.allclose(reading.predictions.reshape(-1), outputs.detach().reshape(-1), atol=1e-6)
    assert torch.allclose(reading.targets.reshape(-1), TARGETS.reshape(-1), atol=1e-6)


def test_what_made_the_predictions_is_named():
    outputs = NETWORKS["sigmoid"](INPUTS)
    assert reading_of(((outputs - TARGETS) ** 2).mean()).input_operation == "SigmoidBackward0"


@pytest.mark.parametrize("targets_come_first", [False, True])
def test_each_against_each_is_a_stretch(targets_come_first: bool):
    outputs, targets = dense()(INPUTS), TARGETS.squeeze(1)
    difference = targets - outputs if targets_come_first else outputs - targets
    reading = reading_of((difference**2).mean())
    assert reading.input_operation == "ExpandBackward0"
    assert reading.predictions is None


def test_several_targets_for_a_prediction_are_meant():
    outputs = dense()(INPUTS)
    reading = reading_of(((outputs - torch.rand(6, 4)) ** 2).mean())
    assert reading.input_operation == "AddmmBackward0"


def test_a_parameter_may_be_compared_with_all_data():
    center = torch.zeros(6, 1, requires_grad=True)
    assert reading_of(((center - torch.rand(6)) ** 2).mean()).input_operation != "ExpandBackward0"


def test_two_learned_sides_have_no_target():
    reading = reading_of(((dense()(INPUTS) - dense(bias=False)(INPUTS)) ** 2).mean())
    assert reading.kind == "mean-squared-error"
    assert reading.targets is None


def test_a_cube_is_no_error_of_numbers():
    assert reading_of(((dense()(INPUTS) - TARGETS) ** 3).mean()).kind == "unknown"


def test_tensors_stay_unread_on_request():
    loss = ((dense()(INPUTS) - TARGETS) ** 2).mean()
    reading = read_loss(loss.grad_fn, with_tensors=False)
    assert (reading.kind, reading.predictions) == ("mean-squared-error", None)
