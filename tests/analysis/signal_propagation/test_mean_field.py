"""Closed forms, and the numbers of studies.md, section 2."""

import math

import numpy as np
import pytest

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.mean_field import (
    RandomNetwork,
    activation_second_moment,
    chi,
    correlation_depth,
    depth_scale,
    derivative_second_moment,
    fixed_point,
    variance_depth,
    variance_map,
    variance_slope,
)

tanh = activations.tanh()


@pytest.mark.parametrize("q", [1e-8, 0.3, 1.0, 1e4, 1e30])
@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2])
def test_leaky_relu_halves(slope: float, q: float):
    activation = activations.leaky_relu(slope)
    share = (1 + slope**2) / 2
    assert activation_second_moment(activation, q) == pytest.approx(share * q, rel=1e-12)
    assert derivative_second_moment(activation, q) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 20.0, 1e4])
def test_error_function_has_a_closed_form(q: float):
    activation = activations.erf()
    # Williams (1997), Computing with infinite networks.
    value = 2 / math.pi * math.asin(2 * q / (1 + 2 * q))
    slope = 4 / math.pi / math.sqrt(1 + 4 * q)
    assert activation_second_moment(activation, q) == pytest.approx(value, rel=1e-11)
    assert derivative_second_moment(activation, q) == pytest.approx(slope, rel=1e-11)


@pytest.mark.parametrize(
    "activation", [tanh, activations.sigmoid(), activations.gelu(), activations.silu()]
)
@pytest.mark.parametrize("q", [0.05, 1.0, 3.0])
def test_smooth_functions_as_by_gauss_hermite(activation: activations.Activation, q: float):
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    reference = (activation.function(math.sqrt(q) * nodes) ** 2) @ weights
    reference /= math.sqrt(2 * math.pi)
    assert activation_second_moment(activation, q) == pytest.approx(reference, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "weight_variance", "expected"),
    [("He", 2.0, 1.0), ("Glorot", 1.0, 0.5), ("LeCun", 1.0, 0.5), ("torch", 1 / 3, 1 / 6)],
)
def test_chi_of_a_relu_for_each_initialization(name: str, weight_variance: float, expected: float):
    del name
    network = RandomNetwork(activations.relu(), weight_variance)
    assert chi(network, 7.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weight_deviation", "q", "chi_1"),
    [
        (1.0, 0.27630, 0.70026),
        (1.3, 0.60705, 0.93981),
        (1.5, 0.96084, 1.06098),
        (2.5, 4.07912, 1.58523),
        # By adaptive quadrature; 201 Gauss-Hermite points give 12.6034 and 2.3749, see below.
        (4.0, 12.604150, 2.367261),
        (0.5, 0.11341, 0.20854),
    ],
)
def test_tanh_fixed_points(weight_deviation: float, q: float, chi_1: float):
    network = RandomNetwork(tanh, weight_deviation**2, 0.09)
    assert fixed_point(network) == pytest.approx(q, rel=6e-5)
    assert chi(network, fixed_point(network)) == pytest.approx(chi_1, rel=6e-5)


def test_gauss_hermite_is_not_good_enough_for_large_variances():
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    weights = weights / weights.sum()
    q = 12.0
    for _ in range(100):
        q = 16 * float(np.tanh(math.sqrt(q) * nodes) ** 2 @ weights) + 0.09
    published = 16 * float((1 - np.tanh(math.sqrt(q) * nodes) ** 2) ** 2 @ weights)
    assert (round(q, 3), round(published, 4)) == (12.603, 2.3749)
    assert chi(RandomNetwork(tanh, 16, 0.09), q) == pytest.approx(2.3673, abs=2e-4)


def test_tanh_without_bias_decays_as_one_over_twice_the_depth():
    network, q, course = RandomNetwork(tanh, 1.0), 1.0, {}
    for depth in range(1, 101):
        q = course[depth] = variance_map(network, q)
    expected = {1: 0.39429, 2: 0.23645, 5: 0.10344, 10: 0.05220, 20: 0.02590, 50: 0.01022}
    expected[100] = 0.00507
    assert {depth: round(course[depth], 5) for depth in expected} == expected


def test_sigmoid_vanishes_strongly():
    network = RandomNetwork(activations.sigmoid(), 1.0)
    assert fixed_point(network) == pytest.approx(0.2647, abs=5e-5)
    assert chi(network, fixed_point(network)) == pytest.approx(0.0557, abs=5e-5)


def test_fixed_points_at_the_ends():
    assert fixed_point(RandomNetwork(activations.relu(), 1.9)) == 0.0
    assert fixed_point(RandomNetwork(activations.relu(), 2.1)) == math.inf
    assert fixed_point(RandomNetwork(activations.relu(), 2.0), start=0.4) == 0.4
    assert fixed_point(RandomNetwork(tanh, 1.0)) == 0.0
    assert fixed_point(RandomNetwork(activations.relu(), 1.0, 0.5)) == pytest.approx(1.0)


@pytest.mark.parametrize(("q", "limit"), [(0.0, 1.0), (math.inf, 0.0)])
def test_limits_of_the_derivative(q: float, limit: float):
    assert derivative_second_moment(tanh, q) == pytest.approx(limit, abs=1e-9)


@pytest.mark.parametrize(
    "activation", [tanh, activations.gelu(), activations.elu(), activations.hardtanh()]
)
def test_slope_of_the_variance_map(activation: activations.Activation):
    network, q, step = RandomNetwork(activation, 1.7, 0.1), 0.8, 1e-5
    numeric = (variance_map(network, q + step) - variance_map(network, q - step)) / (2 * step)
    assert variance_slope(network, q) == pytest.approx(numeric, rel=1e-7)


def test_depth_scales_of_tanh_by_the_published_formulas():
    network = RandomNetwork(tanh, 1.3**2, 0.09)
    q = fixed_point(network)
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    phi = np.tanh(math.sqrt(q) * nodes)
    curvature = 1.3**2 * ((-2 * phi * (1 - phi**2) * phi) @ weights) / math.sqrt(2 * math.pi)
    chi_1 = chi(network, q)
    assert correlation_depth(network) == pytest.approx(-1 / math.log(chi_1))
    assert variance_depth(network) == pytest.approx(-1 / math.log(chi_1 + curvature))


def test_depth_scale_at_the_ends():
    assert depth_scale(1.0) == math.inf
    assert depth_scale(0.0) == 0.0
    assert depth_scale(math.e) == pytest.approx(depth_scale(1 / math.e))
