import math

import pytest

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.correlation import (
    activation_product,
    correlation_map,
    relu_correlation_map,
)
from defib.analysis.signal_propagation.mean_field import RandomNetwork, chi

CORRELATIONS = [-1.0, -0.6, 0.0, 0.3, 0.95, 0.99999, 1.0]


def relu_course(depth: int) -> list[float]:
    course = [0.0]
    for _ in range(depth):
        course.append(relu_correlation_map(course[-1]))
    return course


def test_relu_course_from_uncorrelated_inputs():
    course = relu_course(1000)
    expected = {1: 0.318310, 2: 0.493731, 5: 0.735946, 10: 0.871536, 20: 0.948428}
    expected |= {50: 0.987862, 100: 0.996423}
    assert {depth: round(course[depth], 6) for depth in expected} == expected
    assert (1 - course[1000]) * 1000**2 == pytest.approx(43.13, abs=0.005)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_quadrature_gives_the_arc_cosine_kernel(correlation: float):
    network = RandomNetwork(activations.relu(), 2.0)
    expected = relu_correlation_map(correlation)
    assert correlation_map(network, correlation, 1.7) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_leaky_relu_joins_both_kernels(correlation: float):
    slope, q = 0.2, 0.6
    product = (1 + slope**2) * relu_correlation_map(correlation)
    product -= 2 * slope * relu_correlation_map(-correlation)
    found = activation_product(activations.leaky_relu(slope), q, correlation)
    assert found == pytest.approx(q / 2 * product, abs=1e-10)


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("q", [0.1, 3.0])
def test_error_function_has_a_closed_form(correlation: float, q: float):
    expected = 2 / math.pi * math.asin(2 * q * correlation / (1 + 2 * q))
    found = activation_product(activations.erf(), q, correlation)
    assert found == pytest.approx(expected, abs=1e-11)


def test_chi_is_the_slope_at_one():
    network, q = RandomNetwork(activations.tanh(), 1.3**2, 0.09), 0.6070504
    slope = (1 - correlation_map(network, 1 - 1e-5, q)) / 1e-5
    assert slope == pytest.approx(chi(network, q), rel=1e-4)
