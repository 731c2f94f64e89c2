import math

import pytest
import torch
from torch import nn

from defib.studies.normalisation_and_dropout.covariate_shift import Spread, drift, input_spreads


def spread(mean: list[float], deviation: list[float]) -> Spread:
    return Spread(torch.tensor(mean).double(), torch.tensor(deviation).double())


def test_a_distribution_that_stays_does_not_drift():
    assert drift(spread([1, 2], [1, 3]), spread([1, 2], [1, 3])) == 0.0


def test_drift_is_in_standard_deviations():
    assert drift(spread([0], [2]), spread([3], [2])) == pytest.approx(1.5)
    assert drift(spread([0], [2]), spread([3], [6])) == pytest.approx(2.5)


def test_drift_is_a_root_mean_square_over_the_channels():
    assert drift(spread([0, 0], [1, 1]), spread([2, 0], [1, 1])) == pytest.approx(math.sqrt(2))


def test_channels_that_never_change_have_no_drift():
    assert math.isnan(drift(spread([0], [0]), spread([1], [0])))


def test_only_inputs_of_layers_with_weights_are_looked_at():
    network = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 2))
    inputs = 5 + 2 * torch.randn(4000, 4)
    found = input_spreads(network, inputs)
    assert list(found) == ["0", "3"]
    assert found["0"].mean.tolist() == pytest.approx([5.0] * 4, abs=0.2)
    assert found["0"].deviation.tolist() == pytest.approx([2.0] * 4, abs=0.2)
    # Dropout is off: the input of the last layer is what tanh puts out.
    hidden = torch.tanh(network[0](inputs)).detach()
    assert torch.allclose(found["3"].mean, hidden.mean(0), atol=1e-6)


def test_batch_normalisation_takes_the_statistics_of_the_images():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    found = input_spreads(network, 7 + 3 * torch.randn(500, 2))["1"]
    assert found.mean.tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert found.deviation.tolist() == pytest.approx([1.0, 1.0], abs=1e-4)
