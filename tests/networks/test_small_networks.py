"""The networks whose shapes are worked out by hand."""

import pytest
import torch
from torch import Tensor, nn

from defib.networks.pooled_convolutions import pooled_convolutions
from defib.networks.screenshots import (
    screenshot_convolutional_network,
    screenshot_dense_network,
)
from defib.networks.stacked_convolutions import stacked_convolutions


def shapes_after(kinds: tuple[type[nn.Module], ...], network: nn.Sequential, features: Tensor):
    """Output shape of each layer of these kinds, without the batch."""
    shapes = []
    for layer in network:
        features = layer(features)
        if isinstance(layer, kinds):
            shapes.append(tuple(features.shape[1:]))
    return shapes


def weight_count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters() if each.dim() > 1)


def test_maps_of_the_screenshot_network():
    with torch.device("meta"):
        network = screenshot_convolutional_network()
    shapes = shapes_after((nn.Conv2d,), network, torch.empty(1, 3, 45, 45, device="meta"))
    assert shapes == [(100, 21, 21), (100, 9, 9), (100, 3, 3)]


def test_weights_of_the_screenshot_network():
    with torch.device("meta"):
        network = screenshot_convolutional_network()
    assert weight_count(network) == 508_400


def test_the_dense_screenshot_network_has_two_hidden_layers():
    with torch.device("meta"):
        network = screenshot_dense_network()
    shapes = shapes_after((nn.Linear,), network, torch.empty(1, 3, 45, 45, device="meta"))
    assert shapes == [(100,), (100,), (1,)]


def test_shapes_of_the_pooled_convolutions():
    with torch.device("meta"):
        network = pooled_convolutions()
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.Linear)
    shapes = shapes_after(kinds, network, torch.empty(1, 1, 9, 9, device="meta"))
    assert shapes == [(10, 9, 9), (10, 3, 3), (30, 3, 3), (30, 1, 1), (20,), (10,)]


def test_the_pooled_convolutions_give_probabilities():
    probabilities = pooled_convolutions()(torch.zeros(2, 1, 9, 9))
    assert probabilities.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(("count", "kernel"), [(1, 3), (3, 5), (4, 2), (7, 1)])
def test_stacked_convolutions_make_one_output_of_what_they_see(count: int, kernel: int):
    side = count * kernel - count + 1
    network = stacked_convolutions(count, kernel)
    assert network(torch.zeros(1, 1, side, side)).shape == (1, 1, 1, 1)
