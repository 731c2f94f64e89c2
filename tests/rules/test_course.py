import numpy as np
import pytest

from defib.records.series import Series
from defib.rules.base import CannotJudge
from defib.rules.course import Ending, courses, is_harmed, running_median
from defib.testing import make_run


def course(values, **metrics):
    [found] = courses(make_run(loss_kind="cross-entropy", loss=list(values), **metrics))
    return found


def noise(seed, size, scale=0.05):
    return np.random.default_rng(seed).normal(0, scale, size)


@pytest.mark.parametrize("seed", range(50))
def test_decay_with_noise_is_learning(seed):
    steps = np.arange(400)
    losses = 2.3 * np.exp(-steps / 100) + 0.2 + np.abs(noise(seed, 400))
    assert course(losses).ending is Ending.LEARNING


@pytest.mark.parametrize("seed", range(50))
def test_noise_around_a_constant_is_flat_from_the_first_step_on(seed):
    found = course(0.693 + noise(seed, 400), label_count={"0": [500], "1": [500]})
    assert (found.ending, found.onset) == (Ending.FLAT, 0)


@pytest.mark.parametrize("seed", range(20))
def test_spikes_that_recover_are_learning(seed):
    losses = 2.3 * np.exp(-np.arange(400) / 100) + 0.2 + np.abs(noise(seed, 400))
    losses[[120, 121, 250]] = 40
    assert course(losses).ending is Ending.LEARNING


@pytest.mark.parametrize("seed", range(20))
def test_onset_is_the_step_of_the_jump(seed):
    losses = 0.69 * np.exp(-np.arange(1000) / 150) + noise(seed, 1000, 0.01)
    losses[500:] = 0.69 + noise(seed, 500, 0.03)
    losses[500:504] = 80
    found = course(losses)
    assert found.ending is Ending.FLAT
    assert abs(found.onset - 500) <= 1


def test_half_of_the_fall_lost_is_still_learning():
    losses = np.r_[np.full(100, 2.0), np.full(200, 0.0), np.full(200, 1.0)]
    assert course(losses).ending is Ending.LEARNING


def test_more_than_half_of_the_fall_lost_is_lost():
    losses = np.r_[np.full(100, 2.0), np.full(200, 0.0), np.full(200, 1.01)]
    found = course(losses)
    assert (found.ending, found.onset) == (Ending.LOST, 300)


def test_non_finite_since_the_first_of_the_last_bad_losses():
    losses = np.r_[2.3 * np.exp(-np.arange(60) / 20), [np.nan] * 40]
    found = course(losses)
    assert (found.ending, found.onset) == (Ending.NON_FINITE, 60)


def test_cannot_judge_with_nine_losses():
    with pytest.raises(CannotJudge):
        courses(make_run(loss=[1.0] * 9))


def test_not_harmed_where_too_few_losses_tell():
    assert not is_harmed(make_run(loss=[1.0] * 9), "SGD")


def test_running_median_forgets_a_spike_and_keeps_a_jump():
    smooth = running_median(Series.of([0, 0, 9, 0, 0, 0, 5, 5, 5, 5, 5]))
    assert smooth.steps.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert smooth.values.tolist() == [0, 0, 0, 0, 5, 5, 5]
