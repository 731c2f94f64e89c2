import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from defib.metrics.gradient_noise import GradientNoise
from defib.schedules.batch_growth import BatchGrowth
from defib.training.growing_batches import (
    GrowingBatches,
    GrowingBatchSampler,
    backward_in_parts,
)
from defib.training.noise_scale import BatchSize, NoiseScale, measured_backward, noise_scale


def noise(signal: float, noise: float) -> GradientNoise:
    return GradientNoise(torch.tensor(signal), torch.tensor(noise))


def test_the_scale_is_mean_noise_over_mean_signal():
    found = noise_scale([noise(1.0, 10.0), noise(3.0, 30.0)])
    assert (found.examples, found.standard_error, found.batches) == (10.0, 0.0, 2)


def test_a_single_negative_signal_is_averaged_away():
    assert noise_scale([noise(-1.0, 10.0), noise(3.0, 30.0)]).examples == pytest.approx(20.0)


@pytest.mark.parametrize("measured", [[], [noise(-1.0, 10.0)], [noise(0.0, 1.0)] * 3])
def test_without_a_signal_there_is_no_number(measured):
    found = noise_scale(measured)
    assert math.isnan(found.examples)
    assert found.judge(64) is BatchSize.UNKNOWN


def test_the_standard_error_is_that_of_the_ratio():
    torch.manual_seed(0)

    def estimate() -> NoiseScale:
        pairs = zip(torch.randn(30) * 0.3 + 2, torch.randn(30) * 4 + 20, strict=True)
        return noise_scale(noise(float(signal), float(each)) for signal, each in pairs)

    found = [estimate() for _ in range(300)]
    spread = torch.tensor([each.examples for each in found]).std().item()
    usual = sum(each.standard_error for each in found) / len(found)
    assert usual == pytest.approx(spread, rel=0.15)


def test_at_the_scale_both_costs_are_twice_the_least():
    scale = NoiseScale(100.0, 1.0, 10)
    assert (scale.steps_factor(100), scale.examples_factor(100)) == (2.0, 2.0)
    assert (scale.steps_factor(10), scale.examples_factor(1000)) == (11.0, 11.0)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (9, BatchSize.TOO_SMALL),
        (10, BatchSize.FITTING),
        (100, BatchSize.FITTING),
        (1000, BatchSize.FITTING),
        (1001, BatchSize.TOO_LARGE),
    ],
)
def test_ten_times_away_from_the_scale_is_too_far(size: int, expected: BatchSize):
    assert NoiseScale(100.0, 0.0, 10).judge(size) is expected


def test_what_the_spread_leaves_open_is_not_called_too_far():
    assert NoiseScale(100.0, 20.0, 10).judge(9) is BatchSize.FITTING
    assert NoiseScale(100.0, 60.0, 10).judge(9) is BatchSize.UNKNOWN
    assert NoiseScale(100.0, math.nan, 1).judge(9) is BatchSize.UNKNOWN


def regression(examples: int = 4096, parts: int = 4, size: int = 64):
    """y = 3 x + noise, whose gradient at weight 0 has a known mean and variance."""
    torch.manual_seed(0)
    inputs = torch.randn(examples, 1, dtype=torch.float64)
    targets = 3 * inputs + torch.randn(examples, 1, dtype=torch.float64)
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    sampler = GrowingBatchSampler(
        examples, BatchGrowth(10**6, size, size), fewest_parts=parts, seed=1
    )
    batches = GrowingBatches(TensorDataset(inputs, targets), sampler)
    gradients = -2 * inputs * targets
    true_scale = (gradients.var() / gradients.mean() ** 2).item()
    return model, batches, true_scale


def loss_of(model: nn.Module):
    return lambda part: nn.functional.mse_loss(model(part[0]), part[1])


def test_the_scale_of_a_known_problem_is_found():
    model, batches, true_scale = regression()
    measured = []
    for batch in batches:
        model.zero_grad()
        measured.append(measured_backward(batch, loss_of(model), list(model.parameters()))[1])
    found = noise_scale(measured)
    assert abs(found.examples - true_scale) < 3 * found.standard_error
    assert found.standard_error < 0.2 * true_scale


def test_measuring_changes_neither_the_loss_nor_the_gradient():
    plain, measured = regression(256), regression(256)
    for one, other in zip(plain[1], measured[1], strict=True):
        plain[0].weight.grad = measured[0].weight.grad = None
        loss = backward_in_parts(one, loss_of(plain[0]))
        again, _ = measured_backward(other, loss_of(measured[0]), list(measured[0].parameters()))
        assert torch.equal(loss, again)
        assert torch.equal(plain[0].weight.grad, measured[0].weight.grad)


def test_a_gradient_that_was_there_before_is_none_of_the_batch():
    model, batches, _ = regression(64)
    batch = next(iter(batches))
    model.weight.grad = torch.full_like(model.weight, 1e3)
    _, with_old = measured_backward(batch, loss_of(model), list(model.parameters()))
    model, batches, _ = regression(64)
    batch = next(iter(batches))
    _, without = measured_backward(batch, loss_of(model), list(model.parameters()))
    torch.testing.assert_close(with_old.noise, without.noise)


def test_a_parameter_without_a_gradient_is_left_out():
    model, batches, _ = regression(64)
    unused = torch.zeros(3, requires_grad=True)
    batch = next(iter(batches))
    _, found = measured_backward(batch, loss_of(model), [*model.parameters(), unused])
    assert unused.grad is None
    assert math.isfinite(found.noise.item())
