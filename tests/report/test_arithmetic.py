import random

import pytest

from defib.records.expression import (
    CeilQuotient,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)
from defib.report.arithmetic import equation, latex, simplified, symbolic, text


def integer(number: int, label: str = "") -> Integer:
    return Integer(number, label)


KERNEL = Product((integer(3, "kernel height"), integer(3, "kernel width"), integer(64, "inputs")))
WEIGHTS = Product((KERNEL, integer(64, "outputs")))
SIZE = Sum(
    (FloorQuotient(Difference(integer(45, "input height"), integer(5)), integer(2)), integer(1))
)


def test_a_product_within_a_product_keeps_its_brackets():
    assert equation(WEIGHTS) == "(3*3*64)*64 = 36,864"


def test_a_quotient_that_comes_out_even_needs_no_floor():
    assert equation(SIZE) == "(45 - 5)/2 + 1 = 21"


def test_a_quotient_that_is_rounded_says_so():
    assert equation(FloorQuotient(integer(7), integer(2))) == "floor(7/2) = 3"
    assert equation(CeilQuotient(integer(7), integer(2))) == "ceil(7/2) = 4"


def test_a_plain_number_stands_alone():
    assert equation(integer(25_088)) == "25,088"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Product((Sum((integer(2), integer(3))), integer(4))), "(2 + 3)*4"),
        (Sum((Product((integer(2), integer(3))), integer(4))), "2*3 + 4"),
        (Difference(integer(9), Difference(integer(4), integer(1))), "9 - (4 - 1)"),
        (Difference(Difference(integer(9), integer(4)), integer(1)), "9 - 4 - 1"),
        (Sum((integer(2), integer(-3))), "2 - 3"),
        (Product((integer(2), integer(-3))), "2*(-3)"),
        (FloorQuotient(Product((integer(2), integer(6))), integer(3)), "(2*6)/3"),
        (FloorQuotient(integer(12), Product((integer(2), integer(3)))), "12/(2*3)"),
        (Product((FloorQuotient(integer(6), integer(3)), integer(4))), "(6/3)*4"),
    ],
)
def test_brackets_stand_where_precedence_needs_them(expression: Expression, expected: str):
    assert text(expression) == expected


def test_terms_of_zero_and_silent_ones_are_not_written():
    padding = Product((integer(2), integer(0, "padding")))
    assert text(Difference(Sum((integer(45), padding)), integer(5))) == "45 - 5"
    assert text(Product((integer(1, "batch"), integer(100)))) == "100"


def test_a_one_that_says_something_is_written():
    kernel = Product((integer(1, "kernel height"), integer(1, "kernel width"), integer(64)))
    assert text(Product((kernel, integer(128)))) == "(1*1*64)*128"


def test_symbols_are_the_labels():
    assert symbolic(WEIGHTS) == "(kernel height*kernel width*inputs)*outputs"
    assert symbolic(SIZE) == "floor((input height - 5)/2) + 1"


def test_latex_has_its_own_signs():
    assert latex(WEIGHTS) == r"\left(3 \cdot 3 \cdot 64\right) \cdot 64 = 36{,}864"
    assert latex(SIZE) == r"\frac{45 - 5}{2} + 1 = 21"
    rounded = r"\left\lfloor \frac{7}{2} \right\rfloor = 3"
    assert latex(FloorQuotient(integer(7), integer(2))) == rounded


def test_what_is_written_gives_the_value():
    chooser = random.Random(0)
    for _ in range(500):
        expression = random_expression(chooser, depth=4)
        assert evaluated(text(expression)) == expression.value, text(expression)
        assert simplified(expression).value == expression.value


def random_expression(chooser: random.Random, depth: int) -> Expression:
    if depth == 0 or chooser.random() < 0.2:
        return integer(
            chooser.choice([0, 1, 2, 3, 7, 1000, -4]), chooser.choice(["", "batch", "a"])
        )
    parts = tuple(random_expression(chooser, depth - 1) for _ in range(chooser.choice([2, 3])))
    match chooser.choice(["sum", "difference", "product", "floor", "ceil"]):
        case "sum":
            return Sum(parts)
        case "difference":
            return Difference(parts[0], parts[1])
        case "product":
            return Product(parts)
        case kind:
            divisor = integer(chooser.choice([1, 2, 3]), "stride")
            return (FloorQuotient if kind == "floor" else CeilQuotient)(parts[0], divisor)


def evaluated(arithmetic: str) -> float:
    import math

    names = {"floor": math.floor, "ceil": math.ceil}
    return eval(arithmetic.replace(",", ""), {"__builtins__": {}}, names)
