"""Each metric against a slow reference in float64 or a closed form."""

import math

import pytest
import torch
import torch.nn.functional as F

from defib.metrics.batch_spread import batch_spread
from defib.metrics.excerpt import excerpt
from defib.metrics.feature_scales import feature_scales
from defib.metrics.gradient_sign_agreement import gradient_sign_agreement
from defib.metrics.label_counts import label_counts
from defib.metrics.label_mix_loss import (
    label_mix_binary_cross_entropy,
    label_mix_cross_entropy,
    label_mix_squared_error,
)
from defib.metrics.moments import moments
from defib.metrics.norms import norms
from defib.metrics.outside_zero_one import outside_zero_one
from defib.metrics.saturated_fraction import saturated_fraction
from defib.metrics.unit_activity import active_units, dead_unit_fraction
from defib.metrics.unit_spread import unit_spread
from defib.metrics.update_ratio import update_ratios
from defib.metrics.zero_fraction import zero_fraction


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_norms_of_several_tensors():
    tensors = [torch.randn(3, 4), torch.randn(5), torch.zeros(2)]
    expected = [math.sqrt(sum(x * x for x in each.flatten().tolist())) for each in tensors]
    assert norms(tensors).tolist() == pytest.approx(expected)


def test_norm_of_half_precision_does_not_overflow():
    assert norms([torch.full((4,), 60000.0, dtype=torch.float16)]).item() == pytest.approx(
        120000, rel=1e-3
    )


def test_norm_of_a_non_finite_tensor_is_not_finite():
    assert math.isnan(norms([torch.tensor([1.0, math.nan])]).item())


def test_update_ratio_of_a_known_step():
    before = torch.tensor([3.0, 4.0])
    assert update_ratios([before.clone()], [before + torch.tensor([0.0, 0.5])]).item() == (
        pytest.approx(0.1)
    )


def test_update_ratio_is_infinite_where_a_zero_parameter_moved():
    assert update_ratios([torch.zeros(2)], [torch.ones(2)]).item() == math.inf


def test_update_ratio_is_nan_where_a_zero_parameter_rested():
    assert math.isnan(update_ratios([torch.zeros(2)], [torch.zeros(2)]).item())


def test_zero_fraction_counts_exact_zeros_of_both_signs():
    assert zero_fraction(torch.tensor([0.0, -0.0, 1e-30, math.nan])).item() == 0.5


@pytest.mark.parametrize(("shape", "axis"), [((6, 5), -1), ((6, 5, 2, 2), 1), ((6, 3, 5), -1)])
def test_active_units_against_a_loop(shape: tuple[int, ...], axis: int):
    activations = torch.relu(torch.randn(shape) - 1.5)
    moved = activations.movedim(axis, 0).reshape(5, -1)
    expected = [any(x != 0 for x in unit.tolist()) for unit in moved]
    assert active_units(activations, axis).tolist() == expected


def test_dead_units_are_those_not_seen_in_the_window():
    last_active = torch.tensor([-1, 4, 5, 9])
    assert dead_unit_fraction(last_active, sample=9, window=5).item() == 0.5


@pytest.mark.parametrize(("kind", "edge"), [("sigmoid", 5.0), ("tanh", 2.5)])
def test_saturation_begins_at_the_documented_pre_activation(kind: str, edge: float):
    activation = getattr(torch, kind)
    inside, outside = torch.tensor([edge - 0.02]), torch.tensor([edge + 0.02])
    assert saturated_fraction(activation(inside), kind).item() == 0
    assert saturated_fraction(activation(-outside), kind).item() == 1


def test_batch_spread_estimates_the_standard_deviation():
    outputs = 3.0 * torch.randn(4000, 5) + 100
    assert batch_spread(outputs).item() == pytest.approx(3.0, rel=0.05)


def test_batch_spread_of_equal_rows_is_exactly_zero():
    assert batch_spread(torch.full((7, 3), 0.1)).item() == 0


def test_batch_spread_of_one_example_is_nan():
    assert math.isnan(batch_spread(torch.ones(1, 3)).item())


def test_unit_spread_of_equal_units_is_exactly_zero():
    assert unit_spread(torch.randn(1, 9).expand(4, 9)).item() == 0


def test_unit_spread_of_random_units_is_about_the_root_of_two():
    assert unit_spread(torch.randn(400, 300)).item() == pytest.approx(math.sqrt(2), rel=0.05)


def test_unit_spread_of_zero_is_nan():
    assert math.isnan(unit_spread(torch.zeros(3, 3)).item())


def test_sign_agreement_by_hand():
    gradient = torch.tensor([[1.0, 2.0, 3.0, -1.0], [-1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert gradient_sign_agreement(gradient).item() == pytest.approx((0.75 + 1.0) / 2)


def test_label_counts_of_a_nested_batch():
    assert label_counts(torch.tensor([[0, 2], [2, 2]]), 4).tolist() == [1, 0, 3, 0]


def test_moments_against_float64():
    values = torch.randn(1000) * 0.01 + 50
    found = moments(values)
    assert found.mean.item() == pytest.approx(values.double().mean().item(), rel=1e-6)
    assert found.deviation.item() == pytest.approx(
        values.double().std(correction=0).item(), rel=1e-3
    )


def test_excerpt_keeps_small_batches_whole_and_two_examples_of_large_ones():
    small, large = torch.zeros(5, 3), torch.zeros(4, 1000)
    assert excerpt(small, largest=100) is small
    assert excerpt(large, largest=100).shape == (2, 1000)


@pytest.mark.parametrize(("shape", "axis"), [((50, 4), -1), ((50, 4, 3, 3), 1)])
def test_feature_scales_against_a_loop(shape: tuple[int, ...], axis: int):
    batch = torch.randn(shape)
    batch.select(axis, 2).mul_(200).add_(5000)
    features = batch.double().movedim(axis, 0).reshape(4, -1)
    deviations = features.std(dim=1, correction=0)
    found = feature_scales(batch, axis)
    assert found.index.item() == 2
    assert found.largest.item() == pytest.approx(
        features[2].square().mean().sqrt().item(), rel=1e-4
    )
    assert found.ratio.item() == pytest.approx(
        (deviations.max() / deviations.min()).item(), rel=1e-2
    )


def test_feature_ratio_ignores_constant_features():
    batch = torch.randn(20, 3)
    batch[:, 1] = 7.0
    assert feature_scales(batch, -1).ratio.item() < 5


def test_label_mix_equals_the_loss_of_a_constant_output():
    logits = torch.randn(1, 3).expand(8, 3)
    targets = torch.randint(0, 3, (8,))
    log_probabilities = logits.log_softmax(dim=1)
    assert label_mix_cross_entropy(log_probabilities, targets).item() == pytest.approx(
        F.cross_entropy(logits, targets).item(), rel=1e-5
    )
    binary = torch.full((8,), 0.3)
    answers = torch.randint(0, 2, (8,)).float()
    assert label_mix_binary_cross_entropy(binary, answers).item() == pytest.approx(
        F.binary_cross_entropy_with_logits(binary, answers).item(), rel=1e-6
    )
    outputs = torch.full((8, 1), 0.3)
    assert label_mix_squared_error(outputs, answers[:, None]).item() == pytest.approx(
        F.mse_loss(outputs, answers[:, None]).item(), rel=1e-6
    )


def test_values_are_outside_where_rounding_does_not_explain_it():
    values = torch.tensor([[-1.0, -0.011, -0.009, 0.0], [1.0, 1.009, 1.011, math.nan]])
    assert outside_zero_one(values).item() == 3 / 8


def test_no_probability_is_outside():
    assert outside_zero_one(torch.randn(50, 7).softmax(dim=1).bfloat16().float()).item() == 0
