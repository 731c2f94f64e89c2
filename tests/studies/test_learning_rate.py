import math

import pytest

from defib.faults.tasks import DIABETES, TUMOURS, set_up
from defib.records.study import Table
from defib.studies.learning_rate import (
    _constant_loss,
    _failed_above_the_best,
    _right_rows,
    _swapped,
    _with_rate,
)

COLUMNS = (
    "seed",
    "task",
    "learning_rate",
    "validation_loss",
    "constant_loss",
    "named_too_low",
    "named_too_high",
)


def verdicts(*rows: tuple[float, float, bool, bool]) -> Table:
    """Rows of rate, loss, too low, too high; a constant prediction has 1."""
    return Table(
        COLUMNS, tuple((0, "a", rate, loss, 1.0, low, high) for rate, loss, low, high in rows), 3
    )


def test_blame_on_the_wrong_side_of_the_best_rate_is_counted():
    assert _swapped(verdicts((0.1, 0.9, True, False), (1, 0.1, False, False))) == 0
    assert _swapped(verdicts((0.1, 0.9, False, True), (1, 0.1, False, False))) == 1
    assert _swapped(verdicts((0.1, 0.1, False, False), (1, 0.9, True, False))) == 1


def test_only_rates_above_the_best_that_learnt_nothing_must_be_named():
    table = verdicts(
        (0.1, 2, False, False),
        (1, 0.1, False, False),
        (10, 1.5, False, True),
        (100, math.nan, False, False),
        (5, 0.5, False, False),
    )
    assert _failed_above_the_best(table) == [True, False]


def test_right_is_what_comes_within_a_tenth_of_the_way_to_a_constant():
    table = verdicts((1, 0.0, False, False), (2, 0.1, False, False), (3, 0.11, False, False))
    assert [row[2] for row in _right_rows(table)] == [1, 2]


@pytest.mark.parametrize("task", [TUMOURS, DIABETES], ids=lambda task: task.name)
def test_no_constant_is_better_than_the_best_one(task):
    setup = set_up(task, 0)
    assert setup.validation is not None
    _, targets = setup.validation
    best = _constant_loss(setup)
    for constant in (-1.0, -0.3, 0.0, 0.4, 1.0):
        assert float(setup.loss_function(0 * targets + constant, targets)) >= best - 1e-6


def test_the_rate_is_that_of_the_optimiser():
    assert _with_rate(TUMOURS, 0.25, 0).optimizer.param_groups[0]["lr"] == 0.25
