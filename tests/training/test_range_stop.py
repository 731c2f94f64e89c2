import math

import numpy as np
import pytest

from defib.records.learning_rate_range import SweepEnding
from defib.training.range_stop import SweepRecorder, SweepStop, learning_rates


def ended_at(losses) -> int | None:
    stop = SweepStop()
    return next((i for i, loss in enumerate(losses) if stop.ending(float(loss))), None)


NOISE = np.random.default_rng(0).normal(size=300)


@pytest.mark.parametrize("offset", [0.0, -5.0, 5.0, -1000.0])
def test_a_descent_goes_on_whatever_the_sign_of_the_loss(offset: float):
    losses = offset + 2 / (1 + np.exp((np.arange(300) - 150) / 20)) + 0.05 * NOISE
    assert ended_at(losses) is None


@pytest.mark.parametrize("offset", [0.0, -5.0])
def test_a_rise_far_above_the_start_ends_the_sweep(offset: float):
    losses = offset + 0.05 * NOISE
    losses[200:] += 2.0 ** np.arange(100)
    assert ended_at(losses) in range(202, 210)


def test_single_spikes_do_not_end_it():
    losses = 2 + 0.05 * NOISE
    losses[[50, 100, 101]] += 1000
    assert ended_at(losses) is None


def test_a_loss_without_noise_may_rise_a_little():
    losses = np.full(100, 2.0)
    losses[50:] = 2.01
    assert ended_at(losses) is None
    losses[70:] = 3.0
    assert ended_at(losses) in range(70, 76)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_ends_it_at_once(bad: float):
    stop = SweepStop()
    assert stop.ending(2.0) is None
    assert stop.ending(bad) is SweepEnding.NOT_FINITE


def test_learning_rates_grow_by_one_factor_from_start_to_end():
    rates = learning_rates(1e-6, 10.0, 8)
    assert (rates[0], rates[-1]) == (1e-6, pytest.approx(10.0))
    np.testing.assert_allclose(np.diff(np.log10(rates)), 1.0)


def test_a_loss_belongs_to_the_rate_of_the_step_before_it():
    recorder = SweepRecorder((0.1, 0.2))
    assert recorder.rate == 0.1
    assert not recorder.add(3.0)
    assert recorder.rate == 0.2
    assert not recorder.add(2.0)
    assert recorder.add(1.0)
    swept = recorder.sweep(0.9)
    assert (swept.first_loss, swept.learning_rates, swept.losses) == (3.0, (0.1, 0.2), (2.0, 1.0))
    assert (swept.ending, swept.momentum) == (SweepEnding.COMPLETED, 0.9)


def test_a_sweep_that_was_cut_short_says_so():
    recorder = SweepRecorder((0.1, 0.2, 0.3))
    recorder.add(3.0)
    recorder.add(2.0)
    swept = recorder.sweep(0.0)
    assert (swept.learning_rates, swept.losses) == ((0.1,), (2.0,))
    assert swept.ending is SweepEnding.DATA_ENDED
