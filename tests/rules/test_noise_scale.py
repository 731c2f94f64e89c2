import math

import pytest

from defib.rules.base import CannotJudge
from defib.rules.noise_scale import batch_trial, first_noise_scale
from defib.testing import make_preflight


def scale(*, noise: float = 100.0, signal: float = 2.0, error: float = 0.5):
    return first_noise_scale(
        make_preflight(
            gradient_noise=noise,
            gradient_signal=signal,
            gradient_signal_error=error,
            batch_examples=4.0,
        )
    )


def test_the_interval_is_that_of_two_errors_of_the_signal():
    found = scale()
    assert (found.low, found.value, found.high) == pytest.approx((100 / 3, 50, 100))
    assert found.batch == 4


def test_a_signal_that_may_be_nothing_has_no_upper_end():
    found = scale(signal=1.0)
    assert (found.low, found.value, found.high) == pytest.approx((50, 100, math.inf))


def test_gradients_that_are_not_finite_give_no_scale():
    assert math.isnan(scale(noise=math.inf).low)


def test_without_a_trial_nothing_is_judged_and_the_reason_is_given():
    record = make_preflight(fields={"not_measured": {"batch_trial_progress": "no time was left"}})
    with pytest.raises(CannotJudge, match="no other batch size was tried: no time was left"):
        batch_trial(record)
