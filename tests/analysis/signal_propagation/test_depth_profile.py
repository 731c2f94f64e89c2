import math

import numpy as np
import pytest
import torch
from torch import nn

from defib.analysis.signal_propagation.depth_profile import depth_profile
from defib.analysis.signal_propagation.measured import measure_signal_propagation


def test_curves_hold_the_logarithms_of_each_layer():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.LayerNorm(3), nn.Linear(3, 2))
    found = measure_signal_propagation(model, torch.randn(4, 3))
    profile = depth_profile(found)
    assert profile.layers == ("0", "2", "3")
    assert profile.depth.tolist() == [0, 1, 2]
    for number, signal in enumerate(found.layers):
        assert signal.forward.layer is not None
        assert signal.backward.layer is not None
        assert 10 ** profile.variance[number] == pytest.approx(signal.forward.layer.variance)
        assert 10 ** profile.second_moment[number] == pytest.approx(
            signal.forward.layer.second_moment
        )
        assert 10 ** profile.gradient[number] == pytest.approx(signal.backward.layer.second_moment)
    assert np.isnan(profile.predicted_second_moment).tolist() == [False, True, False]
    assert np.isnan(profile.activation_second_moment).tolist() == [False, True, True]
    assert profile.predicted_gradient[2] == 0


def test_a_dead_signal_is_minus_infinity():
    model = nn.Linear(3, 3)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    profile = depth_profile(measure_signal_propagation(model, torch.randn(4, 3)))
    assert profile.second_moment.tolist() == [-math.inf]
