import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.batch_norm_bias import BatchNormBias
from defib.errors import UsageError
from defib.report.formula_text import formula_text


def test_the_derivative_of_every_output_by_the_bias_is_0():
    steps = BatchNormBias().derive().steps
    lines = [formula_text(each) for step in steps for each in step.formulas]
    assert {"∂σ²/∂b = 0", "∂y₁/∂b = 0", "∂y₂/∂b = 0", "∂y₃/∂b = 0"} <= set(lines)


def test_two_biases_give_the_same_outputs_in_torch():
    problem = BatchNormBias(batch="-3,1/2,4,10", weight="-1/3", biases="5,-100")
    assert confirmed(problem).is_confirmed


def test_equal_numbers_are_refused():
    with pytest.raises(UsageError, match="at least two different numbers for --batch"):
        BatchNormBias(batch="2,2").derive()
