"""What paired differences say of a fix."""

from __future__ import annotations

import math

import numpy as np
import pytest

from defib.fixes.class_weights import ClassWeights
from defib.fixes.early_stopping import EarlyStopping
from defib.records.trial import (
    PairedComparison,
    Trial,
    TrialEnding,
    TrialResult,
    Verdict,
    Yardstick,
)
from defib.verification.comparison import (
    FALSE_CONFIRMATIONS,
    FEWEST_PAIRS,
    MOST_PAIRS,
    SMALLEST_EFFECT,
    differences,
    interval,
    t_quantile,
    verdict_on,
)
from defib.verification.paired_trials import compared, yardsticks_of


def result(level: float, start: float = 1.0, **more: float) -> TrialResult:
    trial = Trial("train.py", (), "", False, 100, 0)
    return TrialResult(trial, TrialEnding.TRAINED, start=start, level=level, **more)


def verdict(before: list[float], after: list[float]) -> Verdict:
    pairs = [result(each) for each in before], [result(each) for each in after]
    return verdict_on(differences(*pairs, Yardstick.TRAINING_LOSS))[0]


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    # Abramowitz, Stegun, table 26.10, for a probability of 0.995.
    [(1, 63.657), (2, 9.925), (3, 5.841), (4, 4.604), (5, 4.032), (9, 3.250)],
)
def test_quantiles_of_students_distribution_are_those_of_the_tables(degrees: int, quantile: float):
    assert t_quantile(0.995, degrees) == pytest.approx(quantile, abs=5e-4)


def test_a_loss_that_falls_on_every_seed_alike_is_confirmed():
    assert verdict([0.7, 0.71, 0.69], [0.1, 0.11, 0.1]) is Verdict.CONFIRMED


def test_a_loss_that_grows_on_every_seed_alike_is_harmful():
    assert verdict([0.1, 0.11, 0.1], [0.7, 0.71, 0.69]) is Verdict.HARMFUL


def test_the_same_losses_are_no_effect():
    assert verdict([0.7, 0.5, 0.6], [0.7, 0.5, 0.6]) is Verdict.NO_EFFECT


def test_differences_that_scatter_are_undecided():
    assert verdict([0.7, 0.7, 0.7], [0.1, 0.9, 0.4]) is Verdict.UNDECIDED


def test_two_pairs_are_too_few_whatever_they_say():
    assert verdict([0.7, 0.7], [0.01, 0.01]) is Verdict.UNDECIDED


def test_less_than_a_tenth_is_not_worth_a_change():
    just_less = math.exp(-SMALLEST_EFFECT) * 1.0001
    assert verdict([1.0] * 3, [just_less] * 3) is Verdict.NO_EFFECT
    assert verdict([1.0] * 3, [just_less * 0.9998] * 3) is Verdict.CONFIRMED


def test_a_loss_that_is_lost_counts_as_ten_times_its_start():
    [value] = differences([result(0.5)], [result(math.inf)], Yardstick.TRAINING_LOSS).values
    assert value == pytest.approx(math.log(10) - math.log(0.5))


def test_losses_that_are_not_positive_are_compared_by_their_start():
    found = differences([result(-1.0, -2.0)], [result(-3.0, -2.0)], Yardstick.TRAINING_LOSS)
    assert not found.is_logarithm
    assert found.values == (-1.0,)


def test_more_accuracy_is_better():
    before = [result(0.5, accuracy=each) for each in (0.5, 0.51, 0.5)]
    after = [result(0.5, accuracy=each) for each in (0.9, 0.91, 0.92)]
    assert verdict_on(differences(before, after, Yardstick.ACCURACY))[0] is Verdict.CONFIRMED


def test_a_fix_for_rare_classes_is_judged_by_an_accuracy_in_which_all_count_alike():
    before = [result(0.5, accuracy=0.99, evaluation_balanced_accuracy=0.5) for _ in range(3)]
    after = [result(0.9, accuracy=0.95, evaluation_balanced_accuracy=0.9) for _ in range(3)]
    found = compared(ClassWeights(), before, after, yardsticks_of(ClassWeights()))
    assert found.yardstick is Yardstick.EVALUATION_BALANCED_ACCURACY
    assert found.verdict is Verdict.CONFIRMED


def test_what_was_not_seen_decides_nothing():
    found = differences([result(0.5)] * 3, [result(0.1)] * 3, Yardstick.EVALUATION_LOSS)
    assert found.values == ()
    assert verdict_on(found)[0] is Verdict.UNDECIDED


def test_no_effect_is_rarely_confirmed_however_often_one_looks():
    """10,000 fixes without an effect, looked at after 3, 4, 5 and 6 seeds."""
    generator = np.random.default_rng(0)
    confirmed = 0
    for noise in generator.normal(0, 1.0, (10_000, MOST_PAIRS)):
        looks = (noise[:count] for count in range(FEWEST_PAIRS, MOST_PAIRS + 1))
        # Without the smallest effect that counts, which only makes it rarer.
        confirmed += any(interval(look).high < 0 for look in looks)
    assert confirmed / 10_000 <= FALSE_CONFIRMATIONS


def stopped(before: float, after: float) -> PairedComparison:
    """Early stopping that leaves a third of the evaluation loss; accuracies as given."""
    late, early = (
        [result(1.0, evaluation_loss=loss, evaluation_accuracy=accuracy) for _ in range(3)]
        for loss, accuracy in ((0.9, before), (0.3, after))
    )
    fix = EarlyStopping(40)
    return compared(fix, late, early, yardsticks_of(fix, is_of_generalization=True))


def test_an_evaluation_loss_decides_and_the_accuracy_is_told_beside_it():
    found = stopped(0.90, 0.91)
    assert (found.verdict, found.yardstick) == (Verdict.CONFIRMED, Yardstick.EVALUATION_LOSS)
    [beside] = found.beside
    assert (beside.yardstick, beside.before) == (Yardstick.EVALUATION_ACCURACY, pytest.approx(0.9))


def test_that_the_accuracy_is_worse_where_the_loss_is_less_is_said():
    assert "accuracy is less with it, too" in stopped(0.90, 0.85).reason


def test_a_change_of_accuracy_that_is_too_small_to_count_is_not():
    assert stopped(0.90, 0.89).reason == ""
