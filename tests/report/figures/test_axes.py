import pytest

from defib.report.figures.axes import apart, power_of_ten


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.001, "0.001"),
        (1000.0, "1,000"),
        (1e-5, "10⁻⁵"),
        (1e6, "10⁶"),
        (3e-7, "3·10⁻⁷"),
        (1e-150, "10⁻¹⁵⁰"),
        (0.0, "0"),
    ],
)
def test_labels_of_a_logarithmic_axis(value, text):
    assert power_of_ten(value) == text


def test_labels_that_have_room_stay_where_they_are():
    assert apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]


def test_labels_are_pushed_apart():
    assert apart([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.5, 0.6, 0.7])


def test_labels_do_not_leave_at_the_top():
    assert apart([0.95, 1.0, 1.0], 0.1) == pytest.approx([0.8, 0.9, 1.0])


def test_no_labels_need_no_room():
    assert apart([], 0.1) == []
