"""LeNet-5 with batch normalisation and dropout beside the network of the same weights without."""

from itertools import pairwise

import torch
from torch import nn

from defib.networks.lenet import lenet_5
from defib.networks.regularized_lenet import regularized_lenet_5


def test_without_both_it_is_lenet_5():
    torch.manual_seed(0)
    plain = lenet_5()
    torch.manual_seed(0)
    network = regularized_lenet_5()
    images = torch.randn(3, 1, 28, 28)
    assert torch.equal(network(images), plain(images))


def test_batch_normalisation_has_two_parameters_for_each_map_and_unit():
    def count(network: nn.Module) -> int:
        return sum(each.numel() for each in network.parameters())

    assert count(regularized_lenet_5()) == 61_706
    hidden = regularized_lenet_5(normalizes_hidden=True)
    assert count(hidden) == 61_706 + 2 * (6 + 16 + 120 + 84)
    both = regularized_lenet_5(normalizes_hidden=True, normalizes_input=True)
    assert count(both) == count(hidden) + 2


def test_every_arm_starts_with_the_same_weights():
    torch.manual_seed(0)
    plain = regularized_lenet_5()
    torch.manual_seed(0)
    other = regularized_lenet_5(normalizes_hidden=True, input_dropout=0.2, hidden_dropout=0.5)
    weights, others = plain.state_dict(), other.state_dict()
    assert len(weights) == 10
    assert all(torch.equal(each, others[name]) for name, each in weights.items())


def test_dropout_stands_right_before_layers_with_weights():
    network = regularized_lenet_5(normalizes_hidden=True, input_dropout=0.2, hidden_dropout=0.5)
    layers = list(network)
    followers = [after for layer, after in pairwise(layers) if isinstance(layer, nn.Dropout)]
    assert [type(each) for each in followers] == [nn.Conv2d] * 2 + [nn.Linear] * 3
    assert [each.p for each in layers if isinstance(each, nn.Dropout)] == [0.2] + 4 * [0.5]


def test_a_normalised_input_does_not_care_for_its_scale():
    torch.manual_seed(0)
    network = regularized_lenet_5(normalizes_hidden=True, normalizes_input=True)
    pixels = torch.rand(8, 1, 28, 28)
    standardized = (pixels - 0.13) / 0.31
    assert torch.allclose(network(standardized), network(pixels), atol=2e-3)
