import pytest
import torch

from defib.studies.initialisation.networks import (
    FUNCTIONS,
    HIDDEN_LAYERS,
    INPUTS,
    STARTS,
    WIDTH,
)
from defib.studies.initialisation.signals import signals_of, uniform
from defib.studies.initialisation.study import Config, _train
from defib.studies.stacks import draw_stack, generator_of, he

WIDTHS = (INPUTS, *[WIDTH] * HIDDEN_LAYERS, 10)


@pytest.mark.parametrize(
    ("start", "expected"),
    [("Glorot", 0.1), ("He", 0.1414), ("LeCun", 0.1), ("PyTorch", 0.0577), ("σ = 0.28", 0.28)],
)
def test_the_deviations_of_a_square_layer_are_the_published_ones(start: str, expected: float):
    assert STARTS[start](100, 100) == pytest.approx(expected, abs=1e-4)


def test_uniform_weights_have_the_limits_of_torch():
    stack = draw_stack(WIDTHS, torch.relu, 2, generator_of(0))
    for weight in uniform(stack, generator_of(1)).weights:
        limit = weight.shape[1] ** -0.5
        assert 0.95 * limit < weight.abs().max().item() <= limit


def test_the_gradient_of_a_layer_is_that_of_autograd_by_hand():
    stack = draw_stack(WIDTHS, torch.tanh, 1, generator_of(0))
    signals = signals_of(stack)
    assert len(signals) == HIDDEN_LAYERS
    assert all(len(each.quantiles) == len(each.gradient_quantiles) == 41 for each in signals)
    assert all(-1 <= each.quantiles[0] <= each.quantiles[-1] <= 1 for each in signals)


def test_he_keeps_the_moment_of_relu_and_small_weights_lose_it():
    kept = signals_of(draw_stack(WIDTHS, torch.relu, 8, generator_of(0), deviation=he))
    lost = signals_of(
        draw_stack(WIDTHS, torch.relu, 8, generator_of(0), deviation=STARTS["σ = 0.01"])
    )
    assert 0.5 < kept[-1].second_moment / kept[0].second_moment < 2
    assert lost[-1].second_moment / lost[0].second_moment < 1e-6


def test_the_learning_rate_with_the_lowest_loss_is_taken():
    stack = draw_stack(WIDTHS, FUNCTIONS["ReLU"][0], 1, generator_of(0))
    config = Config(seeds=1, steps=10, learning_rates=(1e-6, 0.05, 1e6))
    best, loss = _train(stack, config, generator_of(1))
    assert best == 0.05
    assert loss < 2.3
