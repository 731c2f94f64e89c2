from fractions import Fraction

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.weight_decay import WeightDecay
from defib.errors import UsageError
from defib.report.formula_text import formula_text


def test_for_gradient_descent_both_are_the_same():
    results = WeightDecay().derive().results
    assert results["descent"] == 1 - Fraction(1, 10) * (10 + Fraction(1, 2))


def test_for_adam_they_are_not():
    results = WeightDecay().derive().results
    assert results["adam with l2"] == Fraction(9, 10)
    assert results["adamw"] == Fraction(9, 10) - Fraction(1, 10) * Fraction(1, 2)


def test_with_momentum_they_differ_by_the_remembered_penalty():
    steps = WeightDecay().derive().steps
    lines = [formula_text(each) for step in steps for each in step.formulas]
    assert "penalty inside minus decay beside = −η·λ·μ·w₀" in lines


def test_torchs_optimisers_agree():
    problem = WeightDecay(weight="-2", gradients="3,1/2", learning_rate="1/100", decay="1/3")
    assert confirmed(problem).is_confirmed


def test_one_gradient_is_refused():
    with pytest.raises(UsageError, match="Expected 2 number"):
        WeightDecay(gradients="1").derive()
