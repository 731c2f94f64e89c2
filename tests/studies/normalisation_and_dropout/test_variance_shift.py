import pytest
import torch
from torch import nn
from torch.nn import functional

from defib.studies.normalisation_and_dropout.variance_shift import (
    dropout_noise,
    reestimate,
    variance_shifts,
)


def measured_noise(layer: nn.Module, inputs: torch.Tensor, rate: float) -> torch.Tensor:
    """Mean variance of the outputs over many masks, by channel."""
    with torch.no_grad():
        draws = torch.stack([layer(functional.dropout(inputs, rate)) for _ in range(4000)])
    return draws.var(0).transpose(0, 1).flatten(1).mean(1)


def test_the_noise_of_dropout_before_a_dense_layer():
    torch.manual_seed(0)
    layer, inputs = nn.Linear(20, 3), torch.randn(10, 20)
    expected = measured_noise(layer, inputs, 0.5).tolist()
    assert dropout_noise(layer, inputs, 0.5).tolist() == pytest.approx(expected, rel=0.03)


def test_the_noise_of_dropout_before_a_convolution():
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(2, 3, 3, padding=1), torch.randn(4, 2, 5, 5)
    expected = measured_noise(layer, inputs, 0.2).tolist()
    assert dropout_noise(layer, inputs, 0.2).tolist() == pytest.approx(expected, rel=0.03)


def test_published_ratio_for_a_single_unit():
    # Li and others: v/((c² + v)/p − c²), here 1/((0.25 + 1)/0.5 − 0.25).
    torch.manual_seed(0)
    inputs = 0.5 + torch.randn(200_000, 1)
    layer = nn.Linear(1, 1)
    variance = layer(inputs).var().detach()
    noise = dropout_noise(layer, inputs, 0.5)
    assert float(variance / (variance + noise)) == pytest.approx(0.4444, abs=0.003)


def network_with(rate: float) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(rate), nn.Linear(30, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def test_dropout_before_batch_normalisation_shifts_the_variance():
    torch.manual_seed(0)
    network, inputs = network_with(0.5), torch.randn(2000, 30)
    for _ in range(60):
        network(inputs)
    [shift] = variance_shifts(network, inputs)
    assert shift.layer == "2"
    assert shift.predicted == pytest.approx(0.5, abs=0.02)
    assert shift.own_noise == pytest.approx(shift.predicted, rel=0.03)
    assert shift.remembered == pytest.approx(shift.predicted, rel=0.03)


def test_no_shift_without_dropout():
    torch.manual_seed(0)
    network, inputs = network_with(0.0), torch.randn(2000, 30)
    for _ in range(200):
        network(inputs)
    [shift] = variance_shifts(network, inputs)
    assert (shift.own_noise, shift.predicted) == (1.0, 1.0)
    assert shift.remembered == pytest.approx(1.0, abs=2e-3)


def test_statistics_estimated_anew_are_those_without_dropout():
    torch.manual_seed(0)
    network, inputs = network_with(0.5), 3 + torch.randn(500, 30)
    network(inputs)
    reestimate(network, inputs)
    [shift] = variance_shifts(network, inputs)
    # torch remembers the unbiased variance.
    assert shift.remembered == pytest.approx(499 / 500, abs=1e-5)
    assert network[2].momentum == 0.1
