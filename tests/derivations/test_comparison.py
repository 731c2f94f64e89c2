from fractions import Fraction

from defib.derivations.comparison import compare


def test_fractions_are_compared_exactly():
    close = Fraction(1, 3) + Fraction(1, 10**40)
    assert not compare("m", "s", [(Fraction(1, 3), close)]).agrees


def test_the_largest_difference_counts():
    check = compare("m", "s", [(1.0, 1.5), (2.0, 2.0)], tolerance=0.5)
    assert (check.compared, check.difference, check.agrees) == (2, 0.5, True)


def test_a_missing_number_never_agrees():
    assert not compare("m", "s", [(float("nan"), 1.0)], tolerance=1e9).agrees


def test_nothing_compared_is_no_agreement():
    assert not compare("m", "s", []).agrees
