"""Weights of fully connected layers between the same activations."""

from torch import nn

from defib.analysis.inspection import inspect
from defib.networks.screenshots import screenshot_convolutional_network
from tests.analysis.arithmetic import written


def test_every_term_of_the_screenshot_network():
    layers = inspect(screenshot_convolutional_network(), (1, 3, 45, 45)).layers
    terms = [layer.dense_equivalent for layer in layers if layer.dense_equivalent.value]
    assert [written(each.expression) for each in terms] == [
        "(3*45*45)*(100*21*21)",
        "(100*21*21)*(100*9*9)",
        "(100*9*9)*(100*3*3)",
        "900*1",
    ]
    assert sum(each.value for each in terms) == 632_408_400
    assert sum(layer.weights.value for layer in layers) == 508_400


def test_a_batch_does_not_change_it():
    [layer] = inspect(nn.Conv2d(3, 4, 3), (8, 3, 5, 5)).layers
    assert layer.dense_equivalent.value == (3 * 5 * 5) * (4 * 3 * 3)


def test_a_linear_layer_at_each_position_would_join_all_positions():
    [layer] = inspect(nn.Linear(4, 6), (2, 5, 4)).layers
    assert layer.dense_equivalent.value == (5 * 4) * (5 * 6)


def test_layers_without_weights_have_none():
    [layer] = inspect(nn.MaxPool2d(2), (1, 3, 4, 4)).layers
    assert layer.dense_equivalent.value == 0
