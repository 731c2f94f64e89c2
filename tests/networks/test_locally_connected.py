import torch
from torch import nn

from defib.networks.locally_connected import (
    LocallyConnected2d,
    convolutional_stack,
    dense_stack,
    locally_connected_stack,
)


def test_with_the_weights_of_a_convolution_at_every_place_it_is_that_convolution():
    convolution = nn.Conv2d(2, 3, 3, stride=2)
    local = LocallyConnected2d(2, 3, kernel=3, stride=2, size=(9, 7))
    local.share(convolution)
    images = torch.randn(4, 2, 9, 7)
    assert torch.allclose(local(images), convolution(images), atol=1e-5)


def test_each_place_sees_its_own_window_with_its_own_weights():
    torch.manual_seed(0)
    local = LocallyConnected2d(1, 1, kernel=2, stride=2, size=(4, 6))
    images = torch.randn(1, 1, 4, 6)
    place = 1 * 3 + 2
    window = images[0, 0, 2:4, 4:6].flatten()
    expected = window @ local.weight[place, 0] + local.bias[0, place]
    assert torch.allclose(local(images)[0, 0, 1, 2], expected, atol=1e-6)
    assert local.weight.flatten().unique().numel() == local.weight.numel()


def test_its_weights_are_drawn_as_those_of_a_convolution():
    local = LocallyConnected2d(3, 4, kernel=5, stride=2, size=(21, 21))
    bound = 1 / 75**0.5
    assert 0.99 * bound < local.weight.abs().max() <= bound
    assert 0.9 * bound < local.bias.abs().max() <= bound


def test_the_three_kinds_have_equally_many_units():
    images = torch.randn(2, 3, 21, 21)
    kinds = [
        make((3, 4, 5), 7, edge=21)
        for make in (convolutional_stack, locally_connected_stack, dense_stack)
    ]
    units = []
    for network in kinds:
        features, found = images, []
        for layer in network:
            features = layer(features)
            if isinstance(layer, nn.ReLU):
                found.append(features[0].numel())
        units.append(found)
        assert features.shape == (2, 7)
    assert units == [[4 * 9 * 9, 5 * 3 * 3]] * 3
