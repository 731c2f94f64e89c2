import math

import pytest

from defib.records.study import Verdict
from defib.studies.intervals import (
    Interval,
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    ratio_interval,
    share_interval,
    together,
    within,
)

HOLDS, FAILS, UNDECIDED = Verdict.HOLDS, Verdict.FAILS, Verdict.UNDECIDED


def test_the_mean_has_students_interval():
    # t(0.975; 2) = 4.302653; s = 1, n = 3.
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.estimate == 2
    assert interval.high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert 2 - interval.low == pytest.approx(interval.high - 2)


def test_a_single_value_decides_nothing():
    interval = mean_interval([5.0])
    assert above(interval, 0.0) is UNDECIDED
    assert below(interval, 10.0) is UNDECIDED


def test_a_share_has_the_exact_interval():
    # Clopper and Pearson for 5 of 10: 0.1871 to 0.8129.
    interval = share_interval(5, 10)
    assert interval.low == pytest.approx(0.18709, abs=1e-5)
    assert interval.high == pytest.approx(0.81291, abs=1e-5)


def test_a_share_of_none_or_all_ends_at_its_bound():
    assert share_interval(0, 20).low == 0
    assert share_interval(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert share_interval(20, 20).high == 1


def test_differences_and_ratios_are_paired():
    assert difference_interval([2.0, 12.0], [1.0, 11.0]).low == 1
    assert ratio_interval([2.0, 20.0], [1.0, 10.0]).high == pytest.approx(2)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1.1, 2, HOLDS), (1, 2, UNDECIDED), (0, 1, FAILS), (0, 1.1, UNDECIDED)],
)
def test_above_is_strict(low: float, high: float, expected: Verdict):
    assert above(Interval((low + high) / 2, low, high, 9), 1.0) is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 0.9, HOLDS), (0, 1, UNDECIDED), (1, 2, FAILS), (0.9, 2, UNDECIDED)],
)
def test_below_is_strict(low: float, high: float, expected: Verdict):
    assert below(Interval((low + high) / 2, low, high, 9), 1.0) is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1, 2, HOLDS), (0.9, 1.5, UNDECIDED), (2.1, 3, FAILS), (0, 0.9, FAILS), (0, 3, UNDECIDED)],
)
def test_within_includes_its_ends(low: float, high: float, expected: Verdict):
    assert within(Interval((low + high) / 2, low, high, 9), 1.0, 2.0) is expected


def test_always_needs_every_case_and_at_least_one():
    assert always([True, True]) is HOLDS
    assert always([True, False]) is FAILS
    assert always([]) is UNDECIDED


def test_parts_together_are_as_weak_as_the_weakest():
    assert together(HOLDS, HOLDS) is HOLDS
    assert together(HOLDS, UNDECIDED) is UNDECIDED
    assert together(UNDECIDED, FAILS) is FAILS
