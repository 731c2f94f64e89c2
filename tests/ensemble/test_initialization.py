from __future__ import annotations

import numpy as np
import pytest

from defib.ensemble.choices import INITIALIZATIONS
from defib.ensemble.result import Ensemble, initial_ensemble
from defib.ensemble.specification import Initialization, Network, Training

FAN_IN, FAN_OUT = 20, 30


def start(name: str, *, networks: int = 400, **options: float) -> Ensemble:
    network = Network((5, FAN_IN, FAN_OUT, 2), ("relu", "relu", "identity"))
    training = Training(network, Initialization(name, **options), precision="float64")
    return initial_ensemble(training, networks, seed=4)


def weights_of(name: str, **options: float) -> np.ndarray:
    """Those of the layer from 20 to 30 units."""
    return start(name, **options).weights[1]


@pytest.mark.parametrize(
    ("family", "variance"),
    [("he", 2 / FAN_IN), ("glorot", 2 / (FAN_IN + FAN_OUT)), ("lecun", 1 / FAN_IN)],
)
@pytest.mark.parametrize("kind", ["normal", "truncated", "uniform"])
def test_families_have_their_variance(family: str, variance: float, kind: str):
    weights = weights_of(f"{family}_{kind}")
    assert weights.var() == pytest.approx(variance, rel=0.01)
    assert abs(weights.mean()) < 0.01 * variance**0.5
    largest = {"normal": (4, 7), "truncated": (2.27, 2.2738), "uniform": (1.73, 1.7321)}[kind]
    assert largest[0] < np.abs(weights).max() / variance**0.5 < largest[1]


def test_torch_draws_weights_and_biases_as_its_linear_layer_does():
    ensemble, limit = start("torch"), 1 / FAN_IN**0.5
    for drawn in (ensemble.weights[1], ensemble.biases[1]):
        assert 0.99 * limit < np.abs(drawn).max() <= limit
        assert drawn.var() == pytest.approx(limit**2 / 3, rel=0.03)


def test_keras_draws_glorot_uniform_and_no_biases():
    assert (start("keras").weights[1] == weights_of("glorot_uniform")).all()
    assert not start("keras").biases[1].any()


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("constant", 0.3)])
def test_weights_can_all_be_the_same(name: str, value: float):
    assert (weights_of(name, scale=0.3) == value).all()


def test_scale_is_a_deviation_of_normal_weights_and_a_factor_of_others():
    assert weights_of("normal", scale=0.05).std() == pytest.approx(0.05, rel=0.01)
    assert (weights_of("he_normal", scale=3) == 3 * weights_of("he_normal")).all()


def test_orthogonal_columns_are_orthonormal_and_signs_are_balanced():
    weights = weights_of("orthogonal")
    products = weights.transpose(0, 2, 1) @ weights
    np.testing.assert_allclose(
        products, np.broadcast_to(np.eye(FAN_IN), products.shape), atol=1e-12
    )
    assert abs(weights.mean()) < 0.002


def test_biases_are_normal_where_a_scale_is_given():
    assert start("he_normal", bias_scale=0.2).biases[1].std() == pytest.approx(0.2, rel=0.02)


def test_one_number_of_each_rai_unit_is_beta_distributed():
    ensemble = start("rai", networks=4000)
    # From 1 input to 1 output would show it alone; here from 20 + 1 numbers of a unit.
    rows = np.concatenate([ensemble.weights[1], ensemble.biases[1][..., None]], axis=2)
    scale = 0.6007 / FAN_IN**0.5
    # 20 normal numbers and one of Beta(2, 1), of mean 2/3 and second moment 1/2.
    assert rows.sum(axis=2).mean() == pytest.approx(2 / 3, rel=0.01)
    assert (rows**2).sum(axis=2).mean() == pytest.approx(FAN_IN * scale**2 + 0.5, rel=0.01)
    assert ensemble.biases[1].mean() == pytest.approx(2 / 3 / (FAN_IN + 1), rel=0.05)


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_network_starts_the_same_in_any_ensemble(name: str):
    training = Training(Network((2, 3, 1), ("relu", "identity")), Initialization(name))
    whole = initial_ensemble(training, 50, seed=1)
    part = initial_ensemble(training, 2, seed=1, first_network=40)
    assert (whole.weights[0][40:42] == part.weights[0]).all()
    assert (whole.biases[1][40:42] == part.biases[1]).all()
