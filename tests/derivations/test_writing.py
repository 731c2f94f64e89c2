from fractions import Fraction

import pytest

from defib.derivations.algebra import sympy
from defib.derivations.writing import equation, result_chain, shown, symbol, times, written
from defib.errors import UsageError
from defib.records.expression import Difference, FloorQuotient, Integer, Product
from defib.report.formula_text import formula_text

x, y = sympy.symbols("x y")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "−3"),
        (Fraction(-1, 2), "−1/2"),
        ("w^(2)_1,3", "w⁽²⁾₁₃"),
        ("X[10,2]", "X[10,2]"),
        (x / y - 2 * x, "−2·x + x/y"),
        (sympy.sqrt(x) * 3, "3·√x"),
        (sympy.exp(-x), "e^(−x)"),
        (sympy.Matrix([[1, x], [0, 2]]), "[1  x; 0  2]"),
        (Product((Product((Integer(3), Integer(3))), Integer(64))), "(3·3)·64"),
        (FloorQuotient(Difference(Integer(7), Integer(2)), Integer(2)), "floor((7 − 2)/2)"),
    ],
)
def test_numbers_symbols_and_expressions_are_written(value: object, text: str):
    assert formula_text(written(value)) == text


def test_what_cannot_be_written_is_refused():
    with pytest.raises(TypeError, match="no way to write"):
        written(object())
    with pytest.raises(UsageError, match="Expected a name"):
        symbol("[1]")


def test_a_long_fraction_is_shown_rounded_and_said_to_be():
    third = Fraction(10**15, 3 * 10**15 + 1)
    assert formula_text(shown(third)) == "0.333333"
    assert formula_text(result_chain("p", third)) == "p ≈ 0.333333"


def test_a_member_like_the_one_before_is_left_out():
    assert formula_text(equation("a", 6, 6)) == "a = 6"
    assert formula_text(result_chain("a", times(2, 3), 6)) == "a = 2·3 = 6"
