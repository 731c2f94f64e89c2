import numpy as np
import pytest
from matplotlib.figure import Figure

from defib.report.figures.decades import Decades


def in_view(low: float, high: float) -> list[float]:
    return [each for each in Decades(7).tick_values(low, high) if low <= each <= high]


def test_a_wide_axis_has_powers_of_ten_alone():
    assert in_view(0.004, 300.0) == pytest.approx([0.01, 0.1, 1, 10, 100])


def test_a_very_wide_axis_has_some_of_the_powers():
    found = in_view(1e-30, 1.0)
    assert 2 <= len(found) <= 7


def test_an_axis_with_one_power_has_parts_of_it_too():
    assert in_view(0.3, 3.0) == pytest.approx([0.5, 1, 2])


@pytest.mark.parametrize(("low", "high"), [(0.21, 0.62), (2.1, 2.9), (1.01, 1.02), (30.0, 95.0)])
def test_an_axis_that_spans_no_power_of_ten_has_numbers(low: float, high: float):
    assert len(in_view(low, high)) >= 2


def test_order_of_the_limits_does_not_matter():
    assert Decades(7).tick_values(3.0, 0.3) == Decades(7).tick_values(0.3, 3.0)


def test_a_drawn_axis_has_them():
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(Decades(7))
    axes.plot([1, 2], [0.22, 0.58])
    low, high = axes.get_ylim()
    ticks = np.asarray(axes.get_yticks())
    assert np.count_nonzero((ticks > low) & (ticks < high)) >= 2
