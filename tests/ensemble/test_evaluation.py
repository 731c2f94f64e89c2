from __future__ import annotations

import numpy as np
import pytest
import torch

from defib.ensemble.collapse import collapse, dead_layers
from defib.ensemble.data import Data
from defib.ensemble.evaluation import activations, losses, outputs, unit_ranges
from defib.ensemble.reference import torch_activation
from defib.ensemble.result import Ensemble, initial_ensemble
from defib.ensemble.specification import Initialization, Network, Training, relu_network

NETWORK = Network((3, 5, 4, 2), ("elu", "relu", "identity"))
TRAINING = Training(NETWORK, Initialization("he_normal", bias_scale=0.5), precision="float64")
INPUTS = np.random.default_rng(0).normal(size=(150, 3))


def by_numpy(ensemble: Ensemble, inputs: np.ndarray) -> list[np.ndarray]:
    below, result = inputs, []
    parsed = ensemble.training.network.parsed_activations
    for weights, biases, activation in zip(ensemble.weights, ensemble.biases, parsed, strict=True):
        raw = below @ weights.transpose(0, 2, 1) + biases[:, None]
        below = torch_activation(activation, torch.from_numpy(raw)).numpy()
        result.append(below)
    return result


@pytest.mark.parametrize("shape", [(150, 3), (21, 150, 3)])
def test_activations_and_outputs_are_those_of_numpy(shape: tuple[int, ...]):
    inputs = np.random.default_rng(1).normal(size=shape)
    ensemble = initial_ensemble(TRAINING, 21)
    expected = by_numpy(ensemble, inputs)
    for ours, theirs in zip(activations(ensemble, inputs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)
    np.testing.assert_allclose(outputs(ensemble, inputs), expected[-1], atol=1e-13)


def test_ranges_are_exactly_those_of_the_activations():
    ensemble = initial_ensemble(TRAINING, 21)
    for ranges, values in zip(
        unit_ranges(ensemble, INPUTS), activations(ensemble, INPUTS), strict=True
    ):
        assert (ranges.minimum == values.min(axis=1)).all()
        assert (ranges.maximum == values.max(axis=1)).all()


def test_a_unit_that_is_nan_for_one_example_has_no_range():
    # ∞ · 0 at the one input 0, ∞ at all others.
    ensemble = Ensemble(
        Training(Network((1, 1, 1), ("identity", "identity"))),
        (np.array([[[1.0]], [[np.nan]]]), np.array([[[np.inf]], [[1.0]]])),
        (np.zeros((2, 1)), np.zeros((2, 1))),
    )
    first, last = unit_ranges(ensemble, np.array([[0.0], [-1.0]]))
    assert (first.minimum[0, 0], first.maximum[0, 0]) == (-1, 0)
    assert last.minimum[0, 0] == -np.inf
    assert np.isnan(first.minimum[1, 0])
    assert np.isnan(last.maximum[1, 0])


def test_losses_are_means_over_examples_and_outputs():
    ensemble = initial_ensemble(TRAINING, 5)
    targets = np.random.default_rng(2).normal(size=(150, 2))
    expected = ((by_numpy(ensemble, INPUTS)[-1] - targets) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(losses(ensemble, Data(INPUTS, targets)), expected, rtol=1e-13)


def one_network(network: Network, weights: list[float]) -> Ensemble:
    """Networks of width 1 with the given weights and no biases."""
    arrays = tuple(np.full((1, 1, 1), weight) for weight in weights)
    return Ensemble(Training(network), arrays, tuple(np.zeros((1, 1)) for _ in weights))


POSITIVE = np.linspace(0.1, 1, 10)[:, None]


def test_a_relu_layer_that_is_zero_on_all_data_is_dead():
    dead = one_network(relu_network(1, (1, 1)), [1.0, -1.0, 1.0])
    assert dead_layers(dead, POSITIVE).tolist() == [[False, True]]
    assert collapse(dead, Data(POSITIVE, POSITIVE)).is_dead.tolist() == [True]


def test_one_example_that_passes_keeps_a_layer_alive():
    alive = one_network(relu_network(1, (1,)), [-1.0, 1.0])
    assert not dead_layers(alive, np.append(POSITIVE, [[-1e-30]], axis=0)).any()
    assert dead_layers(alive, np.append(POSITIVE, [[0.0]], axis=0)).all()


def test_a_leaky_network_can_be_constant_and_unlearned_without_being_dead():
    network = Network((1, 1, 1, 1, 1, 1), ("leaky_relu(0.01)",) * 4 + ("identity",))
    leaky = one_network(network, [-1.0, 1.0, 1.0, 1.0, 1.0])
    found = collapse(leaky, Data(POSITIVE, np.abs(POSITIVE)))
    assert found.is_dead.tolist() == [False]
    assert found.is_constant.tolist() == [True]
    assert found.is_unlearned.tolist() == [True]


def test_a_network_too_small_for_its_task_is_unlearned_but_not_constant():
    line = one_network(relu_network(1, (1,)), [1.0, 1.0])
    found = collapse(line, Data(POSITIVE, -POSITIVE))
    assert (found.is_dead[0], found.is_constant[0], found.is_unlearned[0]) == (False, False, True)


def test_born_dead_networks_are_as_many_as_published():
    # Lu et al. 2019: 9 hidden layers of width 2, one input, symmetric weights: 0.880 by Monte
    # Carlo, between the bounds 0.870 and 0.900. Standard error at 4,000 draws: 0.005.
    ensemble = initial_ensemble(Training(relu_network(1, (2,) * 9)), 4000)
    inputs = np.linspace(-(7**0.5), 7**0.5, 301)[:, None]
    assert dead_layers(ensemble, inputs).any(axis=1).mean() == pytest.approx(0.880, abs=0.02)
