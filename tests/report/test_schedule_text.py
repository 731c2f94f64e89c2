import numpy as np
import pytest

from defib.report.schedule_text import PLOT_HEIGHT, PLOT_WIDTH, schedule_plot, schedule_summary

BLANK = "⠀"


def rows_of(*values: float, **options) -> list[str]:
    """The signs of each row, without the axis."""
    lines = schedule_plot(np.array(values), **options)
    return [line.partition("┤")[2] for line in lines if "┤" in line]


def test_the_summary_names_the_step_of_each_value():
    assert schedule_summary(np.array([0.2, 0.5, 0.1, 0.3])) == (
        "first          0.2   step 0",
        "highest        0.5   step 1",
        "lowest         0.1   step 2",
        "last           0.3   step 3",
    )


def test_batch_sizes_add_up_to_examples():
    assert schedule_summary(np.array([32.0, 64.0]), is_batch_size=True)[-1] == (
        "96 examples in 2 steps"
    )


def test_every_line_is_as_wide_as_the_axis():
    lines = schedule_plot(np.linspace(0, 1, 500))
    assert len(lines) == PLOT_HEIGHT + 2
    assert len({len(line) for line in lines}) == 1
    assert all(len(row) == PLOT_WIDTH for row in rows_of(0.0, 1.0))


def test_a_rise_goes_from_the_lower_left_to_the_upper_right():
    rows = rows_of(*np.linspace(0, 1, 200))
    assert rows[0][0] == BLANK
    assert rows[0][-1] != BLANK
    assert rows[-1][0] != BLANK
    assert rows[-1][-1] == BLANK


def test_a_jump_is_a_line_from_foot_to_top():
    rows = rows_of(*[0.0] * 50, *[1.0] * 50)
    assert any(all(row[column] != BLANK for row in rows) for column in range(PLOT_WIDTH))


def test_no_column_is_empty():
    rows = rows_of(*np.sin(np.arange(37)))
    assert all(any(row[column] != BLANK for row in rows) for column in range(PLOT_WIDTH))


def test_the_axis_is_numbered_at_top_middle_and_foot():
    lines = schedule_plot(np.array([1.0, 3.0]))
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line][:: PLOT_HEIGHT // 2] == [
        *("3", "2", "1")
    ]


def test_on_a_logarithmic_axis_equal_factors_are_equally_high():
    lines = schedule_plot(np.array([0.0, 1.0, 10.0, 100.0]), is_log=True)
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line][:: PLOT_HEIGHT // 2] == [
        *("100", "10", "1")
    ]


@pytest.mark.parametrize("value", [0.0, 0.1])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_a_constant_is_a_line_at_the_foot(value: float, is_log: bool, steps: int):
    rows = rows_of(*[value] * steps, is_log=is_log)
    assert set(rows[-1]) == {"⣀"}
    assert set("".join(rows[:-1])) == {BLANK}
