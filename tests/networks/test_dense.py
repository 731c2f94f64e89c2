"""Multi-layer perceptrons, layer by layer."""

from torch import nn

from defib.networks.dense import dense_network


def kinds(network: nn.Sequential) -> list[str]:
    return [type(each).__name__ for each in network]


def test_dropout_stands_behind_each_activation():
    network = dense_network((4, 3, 2), dropout=0.5)
    assert kinds(network) == ["Flatten", "Linear", "ReLU", "Dropout", "Linear"]


def test_a_normalization_stands_before_each_activation_and_has_the_bias():
    network = dense_network((4, 3, 3, 2), normalization=nn.BatchNorm1d)
    hidden = ["Linear", "BatchNorm1d", "ReLU"]
    assert kinds(network) == ["Flatten", *hidden, *hidden, "Linear"]
    linear = [each for each in network if isinstance(each, nn.Linear)]
    assert [each.bias is None for each in linear] == [True, True, False]
