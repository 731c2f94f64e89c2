from itertools import product

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.convolution import Convolution
from defib.errors import UsageError
from defib.report.formula_text import formula_text


def gradient(problem: Convolution) -> str:
    [step] = [step for step in problem.derive().steps if step.statement.startswith("The gradient:")]
    return formula_text(step.formulas[0])


def test_the_gradient_of_a_pixel_in_the_first_row():
    assert gradient(Convolution(padding="1")) == (
        "∂L/∂X[1,2] = dY[1,1]·W[2,3] + dY[1,2]·W[2,2] + dY[1,3]·W[2,1] + dY[2,1]·W[1,3] "
        "+ dY[2,2]·W[1,2] + dY[2,3]·W[1,1]"
    )


def test_indices_can_be_counted_from_0():
    assert gradient(Convolution(padding="1", at="0,1", from_zero=True)) == (
        "∂L/∂X[0,1] = dY[0,0]·W[1,2] + dY[0,1]·W[1,1] + dY[0,2]·W[1,0] + dY[1,0]·W[0,2] "
        "+ dY[1,1]·W[0,1] + dY[1,2]·W[0,0]"
    )


def test_a_pixel_inside_is_read_through_every_weight():
    assert gradient(Convolution(padding="1", at="8,8")).count("dY") == 9


def test_a_pixel_that_the_stride_leaves_out_has_no_gradient():
    problem = Convolution(input="5x5", kernel="1", stride="2", at="2,2")
    assert gradient(problem) == "∂L/∂X[2,2] = 0"


def test_channels_have_indices_of_their_own():
    problem = Convolution(input="2x3x3", kernel="2", out=2, at="1,1")
    assert gradient(problem) == "∂L/∂X[1,1,1] = dY[1,1,1]·W[1,1,1,1] + dY[2,1,1]·W[2,1,1,1]"


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride", "dilation"),
    [
        ("7x6", "3", "1", "1", "1"),
        ("7x6", "3x2", "0", "2", "1"),
        ("9x8", "3", "2", "2x3", "2"),
        ("2x6x7", "2x3", "1x0", "1x2", "2x1"),
    ],
)
def test_all_gradients_are_those_of_autograd_and_of_brute_force(
    size: str, kernel: str, padding: str, stride: str, dilation: str
):
    problem = Convolution(
        input=size, kernel=kernel, padding=padding, stride=stride, dilation=dilation, out=2
    )
    derivation = confirmed(problem)
    assert [check.statement for check in derivation.checks if not check.agrees] == []
    assert [check.method for check in derivation.checks].count("brute force") == 2


def test_every_pair_of_output_and_weight_is_found_from_the_pixel():
    sliding = Convolution(input="6x7", kernel="3x2", padding="1", stride="2", dilation="2").sliding
    forwards = {
        (sliding.read(output, tap), output, tap)
        for output in product(range(sliding.output[0]), range(sliding.output[1]))
        for tap in product(range(3), range(2))
        if sliding.is_inside(sliding.read(output, tap))
    }
    backwards = {
        (pixel, output, tap)
        for pixel in product(range(6), range(7))
        for output, tap in sliding.taps_of(pixel)
    }
    assert forwards == backwards


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "30"}, "reaches over 30x30 pixels, the padded image has only 16x16"),
        ({"at": "17,1"}, "is outside: rows go from 1 to 16"),
        ({"at": "0,1"}, "is outside"),
        ({"weight": "4,1"}, "columns from 1 to 3"),
        ({"input": "16"}, "Expected a size such as `8x8` or `8x8x8`"),
        ({"kernel": "0"}, "whole numbers from 1 for --kernel"),
        ({"stride": "x"}, "for --stride"),
        ({"input": "500x500"}, "2,250,000 pairs of pixel and weight; at most 40,000"),
        ({"out": 0}, "Expected at least 1 for --out, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        Convolution(**options).derive()
