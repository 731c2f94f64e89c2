from fractions import Fraction

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.dropout_ensemble import DropoutEnsemble
from defib.errors import UsageError


def test_the_average_of_all_subnetworks_is_the_scaled_network():
    problem = DropoutEnsemble(hidden="4,1,5,2", weights="-1,3,2,-7", bias="1/3", keep="4/5")
    results = problem.derive().results
    assert results["average output"] == results["scaled output"]
    assert results["scaled output"] == Fraction(4, 5) * (-4 + 3 + 10 - 14) + Fraction(1, 3)


def test_after_a_relu_it_is_only_an_approximation():
    results = DropoutEnsemble().derive().results
    assert results["average after a ReLU"] == Fraction(11, 4)
    assert results["scaled after a ReLU"] == Fraction(1, 2)


def test_where_no_subnetwork_is_cut_off_it_is_the_average():
    problem = DropoutEnsemble(hidden="1,2", weights="1,1", bias="0")
    results = problem.derive().results
    assert results["average after a ReLU"] == results["scaled after a ReLU"]
    [last] = problem.derive().steps[-1:]
    assert "the average here too" in last.statement


def test_torch_agrees():
    assert confirmed(DropoutEnsemble(keep="3/4")).is_confirmed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "1,2"}, "a weight for each hidden output, got 3 and 2"),
        ({"keep": "0"}, "above 0 and at most 1"),
        ({"keep": "3/2"}, "above 0 and at most 1"),
        ({"hidden": ",".join("1" * 11), "weights": ",".join("1" * 11)}, "at most 10 hidden units"),
    ],
)
def test_impossible_networks_are_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        DropoutEnsemble(**options).derive()
