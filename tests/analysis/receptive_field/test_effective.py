"""The effective field, against fields whose squared gradient is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from defib.analysis.receptive_field.effective import effective_field


def box(count: int, kernel: int) -> nn.Module:
    """Stacked convolutions with equal weights: the gradient is a convolution of boxes."""
    layers = [nn.Conv1d(1, 1, kernel, bias=False) for _ in range(count)]
    for layer in layers:
        nn.init.ones_(layer.weight)
    return nn.Sequential(*layers)


def test_one_box_has_the_deviation_of_a_uniform_distribution():
    [axis] = effective_field(box(1, 5), (1, 1, 21)).axes
    assert (axis.center, axis.radius) == (pytest.approx(10), 2)
    assert axis.standard_deviation == pytest.approx(math.sqrt((5**2 - 1) / 12))


def test_stacked_boxes_have_the_profile_of_their_convolution():
    field = effective_field(box(2, 3), (1, 1, 21), samples=2)
    squares = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0], dtype=torch.float64).square()
    assert np.allclose(field.profile[8:13], squares / squares.sum())
    assert field.profile.sum() == pytest.approx(1)


def test_deep_field_is_far_smaller_than_the_theoretical_one():
    [axis] = effective_field(box(20, 3), (1, 1, 81)).axes
    assert 2 * axis.radius + 1 < 41 / 2


def test_field_of_an_inner_layer():
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 5, padding=2))
    field = effective_field(network, (1, 1, 15, 15), layer="0", samples=2)
    assert (field.profile > 0).sum() == 9


def test_network_and_random_state_are_left_as_found():
    network = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Dropout()).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    effective_field(network, (2, 1, 12), samples=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert network[2].training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_same_seed_gives_the_same_field():
    network = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Conv1d(2, 1, 3))
    first, second = (effective_field(network, (1, 1, 12), samples=2).profile for _ in range(2))
    assert np.array_equal(first, second)
