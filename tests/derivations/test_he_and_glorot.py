from fractions import Fraction

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.he_and_glorot import HeAndGlorot
from defib.errors import UsageError
from defib.report.formula_text import formula_text


def test_the_variances():
    results = HeAndGlorot(fan_in=50, fan_out=150).derive().results
    assert results == {
        "He": Fraction(1, 25),
        "Glorot": Fraction(1, 100),
        "LeCun": Fraction(1, 50),
        "torch's Linear": Fraction(1, 150),
    }


def test_a_leaky_relu_needs_less():
    results = HeAndGlorot(fan_in=100, slope="1/2").derive().results
    assert results["He"] == Fraction(2, 100) / (1 + Fraction(1, 4))


def test_the_solutions_are_those_of_sympy():
    steps = HeAndGlorot().derive().steps
    lines = [formula_text(each) for step in steps for each in step.formulas]
    assert {"kept by a ReLU = 1/2", "Var(w) = 2/n", "Var(w) = 2/(m + n)"} <= set(lines)


def test_drawn_layers_of_torch_have_them():
    assert confirmed(HeAndGlorot(fan_in=300, fan_out=200, slope="1/10")).is_confirmed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fan_in": 0}, "at least 1 for --fan-in"),
        ({"slope": "2"}, "a slope from 0 to 1"),
        ({"depth": 5_000}, "at most 1000 layers"),
        ({"depth": 0}, "at least 1 for --depth"),
    ],
)
def test_impossible_sizes_are_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        HeAndGlorot(**options).derive()
