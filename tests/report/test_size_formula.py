import math

import pytest

from defib.records.architecture import OutputSize
from defib.records.expression import CeilQuotient, Expression, Integer
from defib.report.size_formula import formulas_text, size_formula


def slid(size: int, kernel: int, stride: int = 1, padding: int = 0, axis: str = "height"):
    room: Expression = Integer(size, f"input {axis}") + Integer(2) * Integer(padding, "padding")
    steps = (room - Integer(kernel, "kernel")) // Integer(stride, "stride")
    return OutputSize(axis, steps + 1)


def test_the_size_of_the_input_is_a_letter():
    assert size_formula(slid(224, 7, 4)) == "H_out = floor((H - 7)/4) + 1"


def test_constants_are_worked_out():
    assert size_formula(slid(224, 7, 2, padding=3)) == "H_out = floor((H - 1)/2) + 1"


def test_a_layer_that_keeps_the_size_is_not_made_to_look_difficult():
    assert size_formula(slid(224, 3, padding=1)) == "H_out = H"


def test_an_upsampling_multiplies():
    doubled = OutputSize("width", Integer(8, "input width") * Integer(2, "scale"))
    assert size_formula(doubled) == "W_out = 2*W"


def test_a_size_that_does_not_depend_on_the_input_is_an_equation():
    assert size_formula(OutputSize("height", Integer(7))) == "H_out = 7"


def test_the_width_is_not_written_twice():
    sizes = (slid(45, 5, 2), slid(60, 5, 2, axis="width"))
    assert formulas_text(sizes) == "H_out = floor((H - 5)/2) + 1, W likewise"
    other = (slid(45, 5, 2), slid(45, 3, 2, axis="width"))
    assert formulas_text(other) == "H_out = floor((H - 5)/2) + 1, W_out = floor((W - 3)/2) + 1"


def test_rounding_up_is_said():
    room = CeilQuotient(Integer(13, "input height") - Integer(3), Integer(2))
    assert size_formula(OutputSize("height", room + 1)) == "H_out = ceil((H - 3)/2) + 1"


@pytest.mark.parametrize("kernel", [1, 2, 3, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_the_formula_gives_the_size_for_every_input(kernel: int, stride: int, padding: int):
    _, _, formula = size_formula(slid(20, kernel, stride, padding)).partition(" = ")
    for height in range(7, 40):
        size = slid(height, kernel, stride, padding).expression.value
        assert eval(formula, {"H": height, "floor": math.floor}) == size
