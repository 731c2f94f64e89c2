from fractions import Fraction

from defib.derivations.evaluation import equations_check, numeric_links, value_of
from defib.derivations.spelling import spelled
from defib.derivations.writing import chain, decimal, equation, over, times, words
from defib.records.derivation import Derivation, Step, Table


def derivation(*formulas: object, table: Table | None = None) -> Derivation:
    step = Step("A step.", formulas=formulas, table=table)  # type: ignore[arg-type]
    return Derivation("name", "Title", "Question?", (step,))


def test_a_formula_of_numbers_has_an_exact_value():
    assert value_of(spelled("1/3 + 2*(1 - 1/6)")) == Fraction(2)


def test_a_formula_with_a_letter_has_none():
    assert value_of(spelled("2*w")) is None
    assert value_of(words("one")) is None


def test_a_wrong_equation_is_found():
    assert list(numeric_links(equation(times(6, 4), 25))) == [False]
    assert list(numeric_links(equation("w", times(6, 4), 24))) == [True]


def test_a_number_after_a_member_without_value_is_compared_with_the_number_before():
    assert list(numeric_links(chain(1, "=", "w", "=", 2))) == [False]
    assert list(numeric_links(chain(1, "≤", "w", "=", 2))) == []


def test_an_approximation_holds_to_its_last_digit():
    assert list(numeric_links(chain(over(1, 3), "≈", decimal(0.3333, 4)))) == [True]
    assert list(numeric_links(chain(over(1, 3), "≈", decimal(0.3335, 4)))) == [False]


def test_relations_are_evaluated():
    assert list(numeric_links(chain(1, "<", 2, "≥", 2, "≠", 3, ">", 4))) == [
        True,
        True,
        True,
        False,
    ]


def test_wrong_equations_of_a_derivation_are_counted_also_in_tables():
    table = Table(("a",), ((equation(times(2, 2), 5),), ("text",)))
    check = equations_check(derivation(equation(times(1, 1), 1), table=table))
    assert check is not None
    assert (check.compared, check.difference, check.agrees) == (2, 1, False)


def test_without_numeric_equations_there_is_nothing_to_check():
    assert equations_check(derivation(equation("a", "b"))) is None
