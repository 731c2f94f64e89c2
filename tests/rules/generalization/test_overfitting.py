import numpy as np
import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.series import Series
from defib.rules.generalization.overfitting import Overfitting
from defib.testing import make_run

rule = Overfitting()
FALLING = list(np.linspace(1.0, 0.05, 100))
PLACE = "train.py:70 < train.py:88"
LABELS = {"0": [16.0] * 10, "1": [16.0] * 10}
"""A constant prediction has the loss log 2 = 0.693."""


def spaced(values, last: int = 99) -> Series:
    return Series.of(values, np.linspace(0, last, len(values) + 1)[1:].astype(int))


def findings(*values: float, losses=FALLING, **metrics) -> tuple[Finding, ...]:
    run = make_run(loss=losses, evaluation_loss={PLACE: spaced(values)}, **metrics)
    found = rule.evaluate(run)
    assert not isinstance(found, NotEvaluated)
    return found


def test_reports_a_rise_since_its_lowest_value():
    [finding] = findings(0.9, 0.6, 0.5, 0.6, 0.7, 0.8)
    assert finding.steps == (49, 99)
    assert PLACE in finding.message
    assert "step 49" in finding.remedy


def test_is_a_warning():
    [finding] = findings(0.9, 0.6, 0.5, 0.6, 0.7, 0.8)
    assert finding.severity is Severity.WARNING


def test_silent_at_exactly_the_limit():
    # Without a baseline the scale is the first evaluation: the limit is 1 + 0.25 * 1.
    exact = Overfitting(min_rise=0.25, min_harm=0.25, noise_deviations=0.0)
    assert exact.evaluate(run_ending_with(1.25)) == ()
    assert len(found_by(exact, run_ending_with(1.26))) == 1


def run_ending_with(value: float):
    return make_run(
        loss=FALLING, evaluation_loss={PLACE: spaced([1.0, 1.0, 1.0, 1.0, value, value])}
    )


def found_by(judge: Overfitting, run) -> tuple[Finding, ...]:
    found = judge.evaluate(run)
    assert not isinstance(found, NotEvaluated)
    return found


def test_silent_while_the_evaluation_loss_falls():
    assert findings(0.9, 0.7, 0.6, 0.5, 0.45, 0.42) == ()


def test_silent_when_only_the_last_value_is_high():
    assert findings(0.9, 0.6, 0.5, 0.5, 0.5, 0.8) == ()


def test_silent_when_the_training_loss_rises_too():
    assert findings(0.9, 0.6, 0.5, 0.6, 0.7, 0.8, losses=[0.5] * 100) == ()


def test_silent_on_a_rise_that_is_small_against_a_constant_prediction():
    values = (0.2, 0.01, 0.002, 0.004, 0.006, 0.008)
    assert findings(*values, loss_kind="cross-entropy", label_count=LABELS) == ()


@pytest.mark.parametrize(("level", "count"), [(0.5, 0), (0.49, 1)])
def test_silent_up_to_a_level_that_is_good_all_the_same(level: float, count: int):
    run = make_run(
        loss=FALLING, evaluation_loss={PLACE: spaced([2.0, 0.5, 0.2, 0.3, 0.7, 1.0, 1.0, 1.0])}
    )
    assert len(found_by(Overfitting(min_level=level, noise_deviations=0.0), run)) == count


def test_silent_when_the_accuracy_rises_as_well():
    accuracies = {PLACE: spaced([0.5, 0.6, 0.7, 0.75, 0.8, 0.85])}
    values = (0.9, 0.6, 0.5, 0.6, 0.7, 0.8)
    assert findings(*values, evaluation_accuracy=accuracies) == ()


@pytest.mark.parametrize("evaluations", [5, 10, 50, 200])
def test_no_false_alarm_on_noise_around_a_constant(evaluations: int):
    alarms = 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(0, 0.02, evaluations)
        curve = 0.4 + 0.3 * np.exp(-6 * np.linspace(0, 1, evaluations))
        alarms += len(findings(*(curve + noise)))
    assert alarms == 0


def test_chooses_the_worst_place():
    run = make_run(
        loss=FALLING,
        evaluation_loss={
            "training": spaced([0.9, 0.7, 0.5, 0.3, 0.1]),
            "mild": spaced([0.9, 0.6, 0.5, 0.6, 0.7, 0.8]),
            "bad": spaced([0.9, 0.6, 0.5, 0.9, 1.3, 1.7]),
        },
    )
    [finding] = found_by(rule, run)
    assert "(bad)" in finding.message


def test_three_evaluations_at_chance_suffice_when_the_training_data_are_fitted():
    training = list(np.linspace(0.7, 0.01, 100))
    [finding] = findings(
        0.7, 0.8, 0.9, losses=training, loss_kind="cross-entropy", label_count=LABELS
    )
    assert finding.steps[0] == 33


def test_silent_on_three_evaluations_at_chance_while_the_training_data_are_not_fitted():
    run = make_run(
        loss=list(np.linspace(0.7, 0.2, 100)),
        loss_kind="cross-entropy",
        label_count=LABELS,
        evaluation_loss={PLACE: spaced([0.7, 0.8, 0.9])},
    )
    assert isinstance(rule.evaluate(run), NotEvaluated)


def test_silent_on_a_gap_that_is_still_closing():
    training = list(np.linspace(0.7, 0.01, 100))
    values = (3.0, 2.0, 1.5, 1.2, 1.0, 0.9)
    metrics = {"loss_kind": "cross-entropy", "label_count": LABELS}
    assert findings(*values, losses=training, **metrics) == ()


def with_accuracies(training: float, *evaluations: float):
    return make_run(
        loss=FALLING,
        accuracy=[training] * 10,
        evaluation_accuracy={PLACE: spaced(evaluations)},
    )


def test_reports_an_accuracy_gap_where_no_loss_was_evaluated():
    [finding] = found_by(rule, with_accuracies(1.0, 0.5, 0.55, 0.5, 0.5, 0.5))
    assert "accuracy" in finding.message
    assert finding.evidence["training_accuracy_at_end"] == 1.0


def test_silent_at_exactly_the_accuracy_gap():
    exact = Overfitting(max_accuracy_gap=0.5)
    assert exact.evaluate(with_accuracies(1.0, 0.5, 0.5, 0.5, 0.5, 0.5)) == ()
    assert len(found_by(exact, with_accuracies(1.0, 0.49, 0.49, 0.49, 0.49, 0.49))) == 1


def test_a_training_accuracy_of_exactly_the_limit_is_fitted():
    assert len(found_by(rule, with_accuracies(0.95, 0.5, 0.5, 0.5, 0.5, 0.5))) == 1


@pytest.mark.parametrize(
    ("values", "count"), [((0.5, 0.5, 0.6, 0.5, 0.5), 1), ((0.5, 0.5, 0.5, 0.6, 0.6), 0)]
)
def test_an_accuracy_whose_best_is_among_the_last_two_still_rises(values, count: int):
    assert len(found_by(rule, with_accuracies(1.0, *values))) == count


def test_five_evaluations_suffice_for_a_rise():
    assert len(findings(0.9, 0.5, 0.7, 0.9, 1.1)) == 1


def test_silent_where_the_accuracy_still_rises():
    assert rule.evaluate(with_accuracies(1.0, 0.5, 0.6, 0.65, 0.7, 0.75)) == ()


def test_silent_below_a_fitted_training_accuracy():
    assert rule.evaluate(with_accuracies(0.94, 0.5, 0.5, 0.5, 0.5, 0.5)) == ()


def test_not_evaluated_under_five_evaluations():
    run = make_run(loss=FALLING, evaluation_loss={PLACE: spaced([0.9, 0.5, 0.6, 0.7])})
    assert rule.evaluate(run) == NotEvaluated("overfitting", "4 evaluations were seen, 5 needed")


def test_not_evaluated_without_evaluations():
    assert rule.evaluate(make_run(loss=FALLING)) == NotEvaluated(
        "overfitting", "0 evaluations were seen, 5 needed"
    )


def test_not_evaluated_with_two_losses():
    run = make_run(loss={"Adam": FALLING, "Adam 2": FALLING})
    assert isinstance(rule.evaluate(run), NotEvaluated)


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated("overfitting", "not recorded: loss")
