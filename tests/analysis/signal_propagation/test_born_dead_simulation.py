import numpy as np
import pytest

from defib.analysis.signal_propagation.born_dead import born_dead_upper_bound
from defib.analysis.signal_propagation.born_dead_simulation import (
    both_signs,
    simulate_born_dead,
    uniform_points,
)
from defib.analysis.signal_propagation.initialization import (
    ASYMMETRIC_DEVIATION,
    DrawLayer,
    glorot_uniform,
    he_normal,
    he_normal_with_biases,
    randomized_asymmetric,
    torch_default,
)
from defib.errors import UsageError

ERRORS = 4
"""Standard errors of the estimate allowed; the reference's own are added."""


@pytest.mark.parametrize(
    ("width", "layers", "expected"),
    [
        (2, 3, 0.1563),
        (2, 5, 0.4965),
        (2, 10, 0.8797),
        (2, 11, 0.9100),
        (2, 20, 0.9931),
        (3, 10, 0.577),
        (4, 10, 0.295),
        (5, 10, 0.128),
        (8, 10, 0.0084),
        (10, 10, 0.0014),
        (10, 30, 0.0155),
    ],
)
def test_reference_table(width: int, layers: int, expected: float):
    found = simulate_born_dead([width] * (layers - 1), both_signs(), networks=5_000, seed=1)
    assert abs(found.probability - expected) < ERRORS * found.standard_error + 0.001


@pytest.mark.parametrize(
    ("draw_layer", "width", "layers", "expected"),
    [
        (torch_default, 2, 10, 0.864),
        (torch_default, 3, 10, 0.584),
        (torch_default, 4, 20, 0.651),
        (he_normal_with_biases, 2, 10, 0.814),
        (randomized_asymmetric, 2, 10, 0.22),
        (randomized_asymmetric, 3, 10, 0.063),
        (glorot_uniform, 2, 10, 0.8797),
    ],
)
def test_other_initializations(draw_layer: DrawLayer, width: int, layers: int, expected: float):
    inputs = np.linspace(-(3**0.5), 3**0.5, 41)[:, None]
    found = simulate_born_dead([width] * (layers - 1), inputs, draw_layer, networks=2_000, seed=2)
    assert abs(found.probability - expected) < ERRORS * found.standard_error + 0.02


def test_two_inputs():
    inputs = uniform_points(60, 2, 3**0.5, seed=0)
    found = simulate_born_dead([4] * 9, inputs, networks=2_000, seed=3)
    assert abs(found.probability - 0.208) < ERRORS * found.standard_error + 0.02


def test_bound_is_exact_for_one_point():
    found = simulate_born_dead([3, 2, 4, 2], np.ones((1, 5)), networks=10_000, seed=4)
    expected = born_dead_upper_bound([3, 2, 4, 2])
    assert abs(found.probability - expected) < ERRORS * found.standard_error


def test_same_seed_same_estimate_and_another_for_another():
    draws = [
        simulate_born_dead([2] * 4, both_signs(), he_normal, networks=500, seed=seed).dead
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_portions_cover_all_networks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "defib.analysis.signal_propagation.born_dead_simulation.VALUES_AT_ONCE", 1000
    )
    found = simulate_born_dead([2] * 9, both_signs(), networks=2_001, seed=1)
    assert found.networks == 2_001
    assert abs(found.probability - 0.8797) < ERRORS * found.standard_error


def test_standard_error_is_not_zero_where_none_is_dead():
    found = simulate_born_dead([50], both_signs(), networks=100, seed=0)
    assert found.dead == 0
    assert found.standard_error == pytest.approx(0.01, rel=0.1)


def test_constant_of_the_asymmetric_initialization():
    assert pytest.approx(0.600747, abs=5e-7) == ASYMMETRIC_DEVIATION


def test_refuses_inputs_without_dimension():
    with pytest.raises(UsageError, match="shape"):
        simulate_born_dead([2], np.ones(3), networks=1, seed=0)
