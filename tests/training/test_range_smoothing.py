import numpy as np
import pytest

from defib.training.range_smoothing import (
    best_smoother,
    noise_before,
    noise_of,
    running_median,
    smoother,
    without_outliers,
)

DECADES = np.linspace(-6, 1, 200)


def test_a_straight_line_keeps_its_level_and_slope():
    line = 3 - 2 * DECADES
    found = smoother(DECADES, 0.4)
    np.testing.assert_allclose(found.level @ line, line, atol=1e-9)
    np.testing.assert_allclose(found.slope @ line, -2, atol=1e-9)


def test_each_row_is_a_weighted_line_through_its_window():
    found = smoother(DECADES, 0.4)
    rng = np.random.default_rng(0)
    losses = rng.normal(size=200)
    distance = DECADES - DECADES[57]
    weight = np.clip(1 - np.abs(distance / 0.4) ** 3, 0, None) ** 3
    slope, level = np.polyfit(distance, losses, 1, w=np.sqrt(weight))
    assert found.level[57] @ losses == pytest.approx(level)
    assert found.slope[57] @ losses == pytest.approx(slope)


def test_smoothing_lags_to_neither_side():
    step = np.where(DECADES < -2.5, 1.0, 0.0)
    slope = smoother(DECADES, 0.5).slope @ step
    assert DECADES[np.argmin(slope)] == pytest.approx(-2.5, abs=DECADES[1] - DECADES[0])


def test_noise_widens_the_window():
    clean = 1 / (1 + np.exp((DECADES + 2) / 0.1))
    noisy = clean + np.random.default_rng(0).normal(0, 0.3, 200)
    assert best_smoother(DECADES, noisy).bandwidth > best_smoother(DECADES, clean).bandwidth


def test_noise_is_that_of_the_batches_not_of_trend_or_spikes():
    rng = np.random.default_rng(1)
    losses = 5 - 2 * DECADES + rng.normal(0, 0.1, 200)
    losses[[20, 90]] += 50
    assert noise_of(losses) == pytest.approx(0.1, rel=0.2)


def test_noise_of_a_loss_that_vanishes_is_that_of_its_beginning():
    losses = np.concatenate([2 + np.random.default_rng(0).normal(0, 0.1, 80), np.zeros(120)])
    assert noise_of(losses) == pytest.approx(0.1, rel=0.4)


def test_noise_before_a_place_grows_with_the_noise_and_knows_nothing_of_a_rise():
    rng = np.random.default_rng(0)
    scale = np.repeat([0.1, 1.0], 100)
    losses = scale * rng.normal(size=200)
    losses[-3:] += 1000
    found = noise_before(losses, gap=5)
    assert found[-1] == pytest.approx(1.0, rel=0.5)
    assert found[50] < 0.5 * found[-1]


def test_the_running_median_sees_a_rise_at_the_end_and_no_spike():
    values = np.zeros(30)
    values[10] = 9
    values[-2:] = 5
    assert running_median(values, 5)[10] == 0
    assert running_median(values, 5)[-1] == 5


def test_single_spikes_are_pulled_in():
    values = np.zeros(30)
    values[10] = 100
    assert without_outliers(values, 0.5).max() == 2.0
