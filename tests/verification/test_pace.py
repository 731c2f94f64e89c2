"""What re-runs take and may take, by what the watched run took."""

from __future__ import annotations

import math

import pytest

from defib.records.run import RunRecord
from defib.verification.pace import (
    END_SECONDS,
    START_SECONDS,
    Cost,
    Pace,
    larger,
    pace_of,
    side_by_side,
)


def test_a_record_tells_the_time_before_the_first_step_and_of_each():
    assert pace_of(RunRecord(steps=100, seconds=20, seconds_before=7)) == Pace(7, 0.2)


def test_a_trial_takes_its_start_its_steps_and_its_end():
    assert Pace(7, 0.2).whole(50) == pytest.approx(7 + 10 + END_SECONDS)


def test_a_start_that_was_not_recorded_costs_nothing_and_is_expected_to_take_some_time():
    pace = Pace(math.nan, 0.2)
    assert pace.cost([50, 50]) == Cost(20, 20)
    assert pace.whole(50) == pytest.approx(START_SECONDS + 10 + END_SECONDS)


def test_every_trial_starts_anew():
    assert Pace(7, 0.2).cost([50, 50]) == Cost(20, 34)


def test_all_trials_train_and_last_no_longer_than_so_many_times_the_watched_run():
    # Two at once take half as long.
    assert Pace(7, 0.2).limit(100, factor=6, jobs=2) == Cost(6 * 20, 2 * 6 * 27)


@pytest.mark.parametrize(
    ("cost", "is_within"),
    [(Cost(10, 20), True), (Cost(10.1, 20), False), (Cost(10, 20.1), False), (Cost(0, 0), True)],
)
def test_both_limits_have_to_be_kept(cost: Cost, is_within: bool):
    assert cost.is_within(Cost(10, 20)) is is_within


def test_sums_are_not_over_the_limit_by_rounding():
    assert Pace(0, 0.1).cost([1] * 3).is_within(Cost(0.3, 0.3))


def test_the_larger_of_two_limits_is_that_of_each():
    assert larger(Cost(1, 5), Cost(2, 3)) == Cost(2, 5)


def test_trials_that_run_at_once_are_begun_as_others_end():
    assert side_by_side([3, 1, 1, 1], jobs=2) == 3
    assert side_by_side([1, 1, 1], jobs=2) == 2
    assert side_by_side([], jobs=2) == 0
