from itertools import islice

import pytest
import torch
from torch import nn
from torch.nn import functional

from defib.studies.input_gradients.input_changes import (
    ascent,
    class_loss,
    class_probability,
    class_score,
    distances,
    input_gradient,
    sign_step,
    worst_linear_loss,
)


def linear_network(weights: torch.Tensor) -> nn.Sequential:
    layer = nn.Linear(weights.shape[1], len(weights), bias=False)
    with torch.no_grad():
        layer.weight.copy_(weights)
    return nn.Sequential(nn.Flatten(), layer)


WEIGHTS = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, -1.0, 2.0]])
IMAGES = torch.full((1, 1, 2, 2), 0.5)
FIRST = torch.tensor([0])


def test_the_derivative_of_a_linear_score_is_its_weights():
    found = input_gradient(linear_network(WEIGHTS), IMAGES, FIRST, class_score)
    assert found.flatten().tolist() == [3.0, 4.0, 0.0, 0.0]


def test_each_step_uphill_has_the_length_asked_for_until_the_range_ends():
    walk = ascent(linear_network(WEIGHTS), IMAGES, FIRST, class_score, 0.1)
    first, second, *_, last = islice(walk, 21)
    assert torch.equal(first, IMAGES)
    assert second.flatten().tolist() == pytest.approx([0.56, 0.58, 0.5, 0.5])
    assert last.flatten().tolist() == pytest.approx([1.0, 1.0, 0.5, 0.5])


def test_a_probability_near_zero_is_climbed_all_the_same():
    network = linear_network(WEIGHTS * torch.tensor([[0.0], [60.0]]))
    steps = islice(ascent(network, IMAGES, FIRST, class_probability, 0.05), 40)
    found = [class_probability(network(each), FIRST).item() for each in steps]
    assert found[0] < 1e-10
    assert found[-1] > 0.9


def test_a_sign_step_moves_every_pixel_by_epsilon_where_there_is_a_derivative():
    found = sign_step(linear_network(WEIGHTS), IMAGES, FIRST, class_score, 0.75)
    assert found.flatten().tolist() == pytest.approx([1.25, 1.25, 0.5, 0.5])


def test_no_corner_of_the_box_is_worse_than_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(6, generator=generator).double()
    inputs = torch.rand(5, 6, generator=generator).double()
    signs, bias = torch.tensor([1.0, -1, 1, -1, 1]).double(), torch.tensor(0.3).double()
    corners = torch.cartesian_prod(*[torch.tensor([-0.2, 0.2]).double()] * 6)
    scores = (inputs[:, None] + corners[None]) @ weights + bias
    worst = functional.softplus(-signs[:, None] * scores).max(dim=1).values
    assert torch.allclose(worst_linear_loss(weights, bias, inputs, signs, 0.2), worst)


def test_losses_are_for_each_image_and_distances_euclidean():
    scores = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    assert class_loss(scores, torch.tensor([0, 1])).tolist() == pytest.approx([0.6931472] * 2)
    assert float(distances(IMAGES + 0.5, IMAGES)) == pytest.approx(1.0)
