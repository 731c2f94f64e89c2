from fractions import Fraction

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.born_dead import BornDead, lower_bound, three_layers
from defib.errors import UsageError

# Lower bound, measured probability (within 0.001), upper bound.
MEASURED = {
    (2, 3): (0.1563, 0.1563, 0.2500),
    (2, 5): (0.4767, 0.4965, 0.5781),
    (2, 10): (0.8703, 0.8797, 0.8999),
    (3, 10): (0.5134, 0.577, 0.6564),
    (5, 10): (0.0640, 0.128, 0.2243),
}


@pytest.mark.parametrize(("width", "layers"), MEASURED)
def test_the_bounds_enclose_what_was_measured(width: int, layers: int):
    lower, share, upper = MEASURED[width, layers]
    results = BornDead(width=width, layers=layers).derive().results
    assert float(results["lower bound"]) == pytest.approx(lower, abs=5e-5)
    assert float(results["upper bound"]) == pytest.approx(upper, abs=5e-5)
    assert lower - 0.001 <= share <= upper


@pytest.mark.parametrize("width", range(1, 12))
def test_for_three_layers_the_lower_bound_is_exact(width: int):
    assert lower_bound(width, 3) == three_layers(width)


def test_width_2_and_three_layers_is_5_in_32():
    assert three_layers(2) == Fraction(5, 32)


def test_drawn_networks_lie_within_the_bounds():
    assert confirmed(BornDead(width=3, layers=6)).is_confirmed


@pytest.mark.parametrize(
    ("options", "message"),
    [({"width": 0}, "a --width from 1"), ({"layers": 2}, "--layers from 3")],
)
def test_impossible_networks_are_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        BornDead(**options).derive()
