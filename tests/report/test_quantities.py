import math

import pytest

from defib.report.quantities import (
    count,
    duration,
    enumeration,
    label_of,
    number,
    percent,
    quantity,
    step_range,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (3, "3"),
        (2.30259, "2.303"),
        (1234.5, "1,234"),
        (12_400, "12,400"),
        (1.6e-30, "1.6e-30"),
        (-0.00002, "-2e-5"),
        (0.001, "0.001"),
        (4.36e6, "4.36e6"),
        (math.nan, "NaN"),
        (math.inf, "infinity"),
        (-math.inf, "-infinity"),
        ("LogBackward0", "LogBackward0"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (0.00001, "<0.1%"),
        (0.0304, "3%"),
        (0.0254, "2.5%"),
        (0.97, "97%"),
        (0.9961, "99.6%"),
        (0.99999, ">99.9%"),
        (1.0, "100%"),
        (math.nan, "NaN"),
        (math.inf, "infinity"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text


def test_quantity_is_a_percentage_where_its_name_says_so():
    assert quantity("dead_unit_fraction_at_start", 0.25) == "25%"
    assert quantity("learning_rate", 0.25) == "0.25"


def test_quantity_outside_of_a_share_is_a_plain_number():
    assert quantity("share_explained", -3.0) == "-3"
    assert quantity("share_explained", math.nan) == "NaN"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.4123, "0.41 s"),
        (12.41, "12.4 s"),
        (59.99, "60 s"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (math.nan, "NaN"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_count_agrees_in_number():
    assert count(1, "step") == "1 step"
    assert count(1000, "step") == "1,000 steps"


def test_step_range():
    assert step_range((5, 5)) == "step 5"
    assert step_range((120, 9999)) == "steps 120 to 9,999"


def test_enumeration():
    assert enumeration(()) == ""
    assert enumeration(("a",)) == "a"
    assert enumeration(("a", "b", "c")) == "a, b and c"
    assert enumeration(tuple("abcdefgh"), 4) == "a, b, c and 5 more"


def test_label_spells_a_name_out():
    assert label_of("dead_unit_fraction") == "dead unit fraction"
