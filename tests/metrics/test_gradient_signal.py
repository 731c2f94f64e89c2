"""Signal and noise of a gradient against what they are known to be, in float64."""

import pytest
import torch

from defib.metrics.gradient_noise import gradient_noise
from defib.metrics.gradient_signal import gradient_signal


def test_it_agrees_with_the_estimate_from_two_sizes():
    torch.manual_seed(0)
    parts = 0.3 + torch.randn(6, 40, dtype=torch.float64)
    found = gradient_signal(parts @ parts.T, 5)
    squares, whole = parts.square().sum(1), parts.mean(0).square().sum()
    other = gradient_noise(squares, whole, [5] * 6)
    assert float(found.signal) == pytest.approx(float(other.signal))
    assert float(found.noise) == pytest.approx(float(other.noise))


def test_equal_parts_have_no_noise():
    parts = torch.tensor([[3.0, 4.0]]).double().expand(5, 2)
    found = gradient_signal(parts @ parts.T, 8)
    assert float(found.signal) == pytest.approx(25.0)
    assert float(found.noise) == pytest.approx(0.0, abs=1e-9)
    assert float(found.signal_error) == pytest.approx(0.0, abs=1e-9)


def test_the_interval_of_two_errors_holds_the_signal_nineteen_times_in_twenty():
    torch.manual_seed(1)
    mean = torch.full((50,), 0.2, dtype=torch.float64)
    inside, trials = 0, 400
    for _ in range(trials):
        parts = mean + torch.randn(32, 50, dtype=torch.float64) / 2**0.5
        found = gradient_signal(parts @ parts.T, 2)
        inside += bool((found.signal - mean.square().sum()).abs() < 2 * found.signal_error)
        assert 25 < float(found.noise) < 100
    assert 0.9 < inside / trials < 0.99
