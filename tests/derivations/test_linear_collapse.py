import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.linear_collapse import LinearCollapse
from defib.errors import UsageError
from defib.report.formula_text import formula_text


@pytest.mark.parametrize("depth", [2, 3, 12])
def test_the_product_is_what_the_layers_do(depth: int):
    assert confirmed(LinearCollapse(depth=depth)).is_confirmed


def test_the_two_classes_of_xor_have_the_same_sum():
    steps = LinearCollapse().derive().steps
    lines = [formula_text(each) for step in steps for each in step.formulas]
    assert "difference = 0" in lines
    assert "left side minus right side = [0; 0]" in lines


def test_one_layer_is_no_stack():
    with pytest.raises(UsageError, match="a --depth from 2 to 12, got 1"):
        LinearCollapse(depth=1).derive()
