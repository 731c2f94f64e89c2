import math

import pytest

from defib.rules.data.shared_examples import SharedExamples, wilson


def seen(**changes: float) -> SharedExamples:
    fields = {
        "compared": 200.0,
        "passed": 200.0,
        "found": 0.0,
        "training": 1000.0,
        "coverage": 1.0,
        "met": 0.0,
        "counted": 500.0,
        "equal_pairs": 0.0,
        "pairs": 500_000.0,
    }
    return SharedExamples("a", **(fields | changes))


def test_the_interval_of_wilson():
    # Brown, Cai, DasGupta, *Interval Estimation for a Binomial Proportion* (2001).
    assert wilson(5, 50) == pytest.approx((0.0435, 0.2136), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_share_is_what_was_found_over_what_is_known_of_the_training():
    assert seen(found=20.0, coverage=0.5).share == pytest.approx(0.2)
    low, high = seen(found=20.0, coverage=0.5).interval
    assert low < 0.2 < high
    assert seen(found=150.0, coverage=0.5).share == 1.0


def test_without_a_coverage_the_share_is_a_lower_limit():
    assert seen(found=20.0, coverage=math.nan).share == pytest.approx(0.1)
    assert seen(found=20.0, coverage=math.nan).interval[1] == 1.0


def test_what_may_be_by_chance_follows_from_the_equal_pairs_within_the_sets():
    # 3.84 pairs may hide behind none, in 500,000; 200,000 pairs are between the sets.
    expected = 1.96**2 / 500_000 * 200_000
    assert seen().by_chance == pytest.approx(expected + 2 * math.sqrt(expected))
    assert seen(equal_pairs=100.0).by_chance > 40


def test_the_whole_training_set_is_recognised_from_a_part_of_the_pass():
    assert seen(passed=1000.0, met=0.19).is_of_the_training_set
    assert not seen(passed=1000.0, met=0.05).is_of_the_training_set


def test_all_may_be_shared_where_as_many_are_found_as_are_known():
    assert seen(found=198.5).may_be(0.99)
    assert not seen(found=198.0).may_be(0.99)
    # 90 % are known: 178 are expected, give or take 10 with that share's own error.
    assert seen(found=170.0, coverage=0.9).may_be(0.99)
    assert not seen(found=165.0, coverage=0.9).may_be(0.99)
    assert seen(found=3.0, coverage=math.nan).may_be(0.99)


def test_a_small_part_of_the_pass_meets_the_training_set_give_or_take_chance():
    # A pass over all 1,600 training questions and 500 others, of which 127 were compared.
    part = {"compared": 127.0, "passed": 2100.0, "training": 807.0}
    assert seen(**part, met=37 / 807).is_of_the_training_set
    assert not seen(**part, met=20 / 807).is_of_the_training_set
    # Where all is compared nothing is left to chance.
    assert not seen(**part | {"compared": 2100.0}, met=0.78).is_of_the_training_set
