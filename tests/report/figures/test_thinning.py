import numpy as np
import pytest

from defib.records.series import Series
from defib.report.figures.thinning import (
    LARGEST,
    LEAST,
    drawable,
    non_finite_stretches,
    running_median,
    thinned,
)

nan, inf = float("nan"), float("inf")


def test_short_series_keep_every_finite_entry():
    series = thinned(Series.of([1.0, nan, 3.0, inf]))
    assert series.values.tolist() == [1.0, 3.0]
    assert series.steps.tolist() == [0, 2]


def test_spike_of_one_step_stays():
    values = np.zeros(100_000)
    values[54_321], values[77_777] = 9.0, -9.0
    series = thinned(Series.of(values), 600)
    assert len(series) <= 602
    assert 54_321 in series.steps
    assert 77_777 in series.steps


def test_first_and_last_entry_stay():
    series = thinned(Series.of(np.sin(np.arange(50_000))), 100)
    assert (series.steps[0], series.steps[-1]) == (0, 49_999)


def test_steps_stay_ascending():
    random = np.random.default_rng(0)
    steps = np.sort(random.choice(10**6, 20_000, replace=False))
    thin = thinned(Series(steps, random.standard_normal(20_000)), 400)
    assert (np.diff(thin.steps) > 0).all()


def test_values_beyond_an_axis_are_limited():
    values = drawable(Series.of([1e308, -1e308, 5e-324, 0.0])).values
    assert values.tolist() == [LARGEST, -LARGEST, LEAST, 0.0]


def test_running_median_forgets_a_spike():
    values = np.ones(1000)
    values[500] = 1e6
    assert running_median(Series.of(values)).values.max() == 1.0


@pytest.mark.parametrize("length", [1, 2, 5, 50, 999, 1000])
def test_running_median_equals_the_median_of_each_window(length):
    values = np.random.default_rng(1).standard_normal(length)
    width = max(3, length // 50) | 1
    result = running_median(Series.of(values), points=length)
    if length < 2 * width:
        assert result.values.tolist() == values.tolist()
        return
    slow = [np.median(values[step - width // 2 : step + width // 2 + 1]) for step in result.steps]
    assert result.values.tolist() == slow


def test_empty_series_stay_empty():
    empty = Series.of([])
    assert len(thinned(empty)) == len(running_median(empty)) == 0
    assert non_finite_stretches(empty) == []


def test_stretches_of_lost_values_are_found():
    series = Series.of([1.0, nan, inf, 2.0, -inf], steps=[0, 10, 20, 30, 40])
    assert non_finite_stretches(series) == [(10, 20), (40, 40)]


def test_many_stretches_become_one():
    values = [nan, 1.0] * 100
    assert non_finite_stretches(Series.of(values)) == [(0, 198)]
