"""The table of studies.md, section 1."""

import pytest

from defib.analysis.signal_propagation.born_dead import (
    born_dead_lower_bound,
    born_dead_three_layers,
    born_dead_upper_bound,
    born_dead_upper_bound_scalar_input,
    safe_depth,
)
from defib.errors import UsageError

TABLE = [
    (2, 3, 0.1563, 0.2500),
    (2, 5, 0.4767, 0.5781),
    (2, 10, 0.8703, 0.8999),
    (2, 11, 0.9026, 0.9249),
    (2, 20, 0.9927, 0.9944),
    (3, 10, 0.5134, 0.6564),
    (4, 10, 0.2042, 0.4033),
    (5, 10, 0.0640, 0.2243),
    (8, 10, 0.0012, 0.0308),
    (10, 10, 0.0001, 0.0078),
    (10, 30, 0.0008, 0.0270),
]


@pytest.mark.parametrize(("width", "layers", "lower", "upper"), TABLE)
def test_bounds_of_the_table(width: int, layers: int, lower: float, upper: float):
    assert born_dead_lower_bound(width, layers) == pytest.approx(lower, abs=6e-5)
    found = born_dead_upper_bound_scalar_input([width] * (layers - 1))
    assert found == pytest.approx(upper, abs=6e-5)


@pytest.mark.parametrize(
    ("width", "expected"), [(2, 0.15625), (3, 0.042969), (4, 0.011230), (5, 0.002869)]
)
def test_exact_for_three_layers(width: int, expected: float):
    assert born_dead_three_layers(width) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("width", "expected"), [(2, 0.92492), (3, 0.6993), (5, 0.2485)])
def test_general_bound(width: int, expected: float):
    assert born_dead_upper_bound([width] * 9) == pytest.approx(expected, abs=6e-5)


def test_general_bound_for_different_widths():
    assert born_dead_upper_bound([1, 2]) == pytest.approx(1 - 0.5 * 0.75)
    assert born_dead_upper_bound_scalar_input([1, 2]) == pytest.approx(0.25)
    assert born_dead_upper_bound_scalar_input([5]) == 0


def test_safe_depth_is_the_last_within_the_bound():
    for width in (2, 5, 10):
        layers = safe_depth(width, 0.1)
        assert born_dead_upper_bound_scalar_input([width] * (layers - 1)) <= 0.1
        assert born_dead_upper_bound_scalar_input([width] * layers) > 0.1


def test_refuses_what_is_no_network():
    with pytest.raises(UsageError, match="hidden layer"):
        born_dead_upper_bound([])
    with pytest.raises(UsageError, match="at least 2 layers"):
        born_dead_lower_bound(2, 1)
    with pytest.raises(UsageError, match="probability"):
        safe_depth(2, 1.0)
