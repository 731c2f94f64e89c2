"""Without Keras; with it: tests/fixes/test_keras_fixes.py."""

import torch
from torch import nn

from defib.discovery.keras_layers import (
    feature_axis,
    holds_keras_layers,
    inputs_last_moved,
    is_placeholder,
    is_training,
    keras_kernel,
    keras_layers_of,
    modules_of,
    takes_training,
    units_last_moved,
)


def test_modules_come_as_torch_gives_them():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.Sequential(nn.ReLU(), shared), nn.Linear(2, 1))
    assert list(modules_of(model)) == list(model.modules())


def test_a_network_of_torch_holds_nothing_of_keras():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    assert not holds_keras_layers(model)
    assert not keras_layers_of(model, "Layer", "Dense")
    assert not takes_training(model)
    assert keras_kernel(model[0]) is None
    assert feature_axis(model, 4) == 1


def test_a_module_of_torch_is_in_the_mode_that_it_says():
    assert is_training(nn.ReLU())
    with torch.no_grad():
        assert is_training(nn.ReLU())
    assert not is_training(nn.ReLU().eval())


def test_a_tensor_without_numbers_is_a_placeholder_wherever_it_is():
    empty, real = torch.empty(2, device="meta"), torch.zeros(2)
    assert is_placeholder(empty)
    assert is_placeholder((real, {"mask": [empty]}))
    assert not is_placeholder((real, {"mask": [real, None]}, 3))


def test_kernels_are_shown_with_units_first():
    assert units_last_moved(torch.zeros(3, 5, 2, 7)).shape == (7, 2, 3, 5)
    assert inputs_last_moved(torch.zeros(3, 5, 7, 2)).shape == (7, 2, 3, 5)
    assert units_last_moved(torch.zeros(2, 7)).shape == (7, 2)
