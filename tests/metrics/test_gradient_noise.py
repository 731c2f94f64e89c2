"""The noise of a gradient against the covariance over all examples, in float64."""

import math

import pytest
import torch

from defib.metrics.gradient_noise import gradient_noise


def test_the_estimate_inverts_the_expectation():
    signal, noise, sizes = 2.0, 30.0, [4, 4, 4]
    parts = torch.tensor([signal + noise / size for size in sizes], dtype=torch.float64)
    whole = torch.tensor(signal + noise / sum(sizes), dtype=torch.float64)
    found = gradient_noise(parts, whole, sizes)
    assert (found.signal.item(), found.noise.item()) == pytest.approx((signal, noise))


def test_parts_of_different_sizes_are_allowed_for():
    signal, noise, sizes = 2.0, 30.0, [5, 4, 4]
    parts = torch.tensor([signal + noise / size for size in sizes], dtype=torch.float64)
    whole = torch.tensor(signal + noise / sum(sizes), dtype=torch.float64)
    found = gradient_noise(parts, whole, sizes)
    assert (found.signal.item(), found.noise.item()) == pytest.approx((signal, noise))


def test_on_average_it_is_the_trace_of_the_covariance_and_the_squared_mean():
    torch.manual_seed(0)
    population = torch.randn(50, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.5]) + 0.4
    mean = population.mean(0)
    true_signal = sum(each**2 for each in mean.tolist())
    true_noise = sum(
        sum((x - m) ** 2 for x, m in zip(row, mean.tolist(), strict=True))
        for row in population.tolist()
    ) / len(population)
    signals, noises = [], []
    for _ in range(4000):
        # Drawn independently: from a finite set without repetition the noise would be less.
        parts = [population[torch.randint(50, (size,))] for size in (6, 5, 5)]
        squares = torch.stack([part.mean(0).square().sum() for part in parts])
        whole = torch.cat(parts).mean(0).square().sum()
        found = gradient_noise(squares, whole, [6, 5, 5])
        signals.append(found.signal.item())
        noises.append(found.noise.item())
    assert sum(signals) / len(signals) == pytest.approx(true_signal, rel=0.05)
    assert sum(noises) / len(noises) == pytest.approx(true_noise, rel=0.05)


def test_without_noise_there_is_none():
    found = gradient_noise(torch.tensor([9.0, 9.0]), torch.tensor(9.0), [8, 8])
    assert (found.signal.item(), found.noise.item()) == (9.0, 0.0)


def test_a_single_part_tells_nothing():
    found = gradient_noise(torch.tensor([9.0]), torch.tensor(9.0), [8])
    assert math.isnan(found.signal.item())
    assert math.isnan(found.noise.item())


def test_a_gradient_that_is_not_finite_shows():
    found = gradient_noise(torch.tensor([math.inf, 1.0]), torch.tensor(1.0), [8, 8])
    assert not math.isfinite(found.noise.item())
