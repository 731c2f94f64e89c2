"""What a fit of the first batch is compared with."""

from __future__ import annotations

import pytest

from defib.rules.fit import fits_badly, is_only_loss
from defib.testing import make_preflight


def record(losses: list[float], *, total: float = 1.0, constant: float = 0.5):
    return make_preflight(
        loss=total,
        initial_loss=1.0,
        best_constant_loss=constant,
        sequences={"fit_loss": {"own": losses}},
    )


@pytest.mark.parametrize(("total", "is_only"), [(1.0, True), (1.00001, True), (1.002, False)])
def test_a_small_penalty_beside_the_loss_is_told(total: float, is_only: bool):
    assert is_only_loss(record([1.0, 0.9], total=total)) is is_only


def test_a_dropout_that_draws_anew_is_no_penalty():
    assert is_only_loss(record([1.009, 0.9]))


def test_a_fit_of_all_its_steps_that_reaches_a_constant_is_bad():
    assert fits_badly(record([1.0, *[0.49] * 199]))
    assert not fits_badly(record([1.0, *[0.47] * 199]))


def test_a_fit_that_was_cut_short_while_it_fell_is_not_called_bad():
    falling = [1 - step / 120 for step in range(60)]
    assert not fits_badly(record(falling))
    assert fits_badly(record([1.0, *[0.5] * 59]))
