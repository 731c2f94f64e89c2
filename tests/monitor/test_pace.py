"""How far a training gets until a moment."""

from defib.monitor.pace import Pace


def test_steps_go_on_as_those_before():
    pace = Pace(10.0)
    assert pace.steps_until(13.0, step=4, now=11.0) == 8


def test_only_the_latest_count():
    pace = Pace(0.0)
    pace.steps_until(1.0, step=100, now=1.0)
    assert pace.steps_until(7.0, step=101, now=3.0) == 2


def test_none_where_the_moment_is_past():
    assert Pace(0.0).steps_until(1.0, step=5, now=2.0) == 0


def test_none_before_the_first_step():
    assert Pace(0.0).steps_until(1.0, step=0, now=0.5) == 0


def test_a_second_look_at_one_step_changes_nothing():
    pace = Pace(0.0)
    pace.steps_until(1.0, step=1, now=1.0)
    assert pace.steps_until(5.0, step=1, now=2.0) == 3
