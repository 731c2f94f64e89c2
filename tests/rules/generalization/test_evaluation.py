import numpy as np
import pytest

from defib.records.series import Series
from defib.rules.generalization.evaluation import generalizations, level, noise, smoothed
from defib.testing import make_run


def test_noise_is_the_standard_deviation_of_a_constant():
    values = np.random.default_rng(0).normal(3.0, 0.5, 2000)
    assert noise(Series.of(values)) == pytest.approx(0.5, rel=0.1)


def test_smooth_curve_is_no_noise():
    assert noise(Series.of(np.linspace(-1, 2, 8) ** 2)) == pytest.approx(0.0)


def test_noise_of_three_values_is_unknown():
    assert noise(Series.of([1.0, 2.0, 1.0])) == 0.0


def test_few_evaluations_are_not_smoothed():
    values = [5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 1.0, 4.0, 2.0]
    assert smoothed(Series.of(values)).tolist() == values


def test_ten_evaluations_are_smoothed_over_three():
    assert smoothed(Series.of([9.0, *[1.0] * 4, 7.0, *[1.0] * 4])).tolist() == [9.0] + [1.0] * 9


def test_smoothing_spans_a_fifth():
    values = np.where(np.arange(50) % 10 < 5, 1.0, 0.0)
    assert len(smoothed(Series.of(values))) == 50
    assert smoothed(Series.of([0.0] * 24 + [5.0] * 5 + [0.0] * 24)).max() == 0.0


def test_level_is_the_median_of_the_last_three():
    assert level(Series.of([7.0, 1.0, 9.0, 2.0])) == 2.0


def test_places_of_losses_and_accuracies_are_joined():
    run = make_run(
        loss=[1.0] * 10,
        evaluation_loss={"a": [1.0, 2.0]},
        evaluation_accuracy={"a": [0.5, 0.6], "b": [0.9]},
    )
    first, second = generalizations(run, "SGD")
    assert (first.place, first.count, first.onset) == ("a", 2, 0)
    assert (second.place, second.count, second.losses) == ("b", 1, second.losses)
    assert not second.losses


def test_training_loss_is_the_level_before_a_step():
    run = make_run(loss=[4.0] * 50 + [2.0] * 50, evaluation_loss={"a": [1.0, 2.0]})
    [seen] = generalizations(run, "SGD")
    assert (seen.training_loss(49), seen.training_loss()) == (4.0, 2.0)


def test_scale_is_the_first_evaluation_without_a_baseline():
    [seen] = generalizations(make_run(loss=[1.0], evaluation_loss={"a": [3.0, 2.0]}), "SGD")
    assert seen.scale == 3.0
    assert np.isnan(seen.baseline)


def test_harm_without_losses_is_the_error_rate():
    run = make_run(loss=[1.0], evaluation_accuracy={"a": [0.7, 0.7, 0.7]})
    [seen] = generalizations(run, "SGD")
    assert seen.harm == pytest.approx(0.3)
