import numpy as np

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.series import Series
from defib.rules.generalization.evaluation_far_off import EvaluationFarOff
from defib.testing import make_preflight, make_run

rule = EvaluationFarOff(max_ratio=1.2, begun=0.8, learnt=0.5, by_far=3.0, min_evaluations=3)
BASELINE = float(np.log(2))
DECAY = list(BASELINE * np.exp(-np.arange(100) / 20))
STEPS = [19, 39, 59, 79, 99]


def findings(*values, loss=DECAY, kind="cross-entropy"):
    evaluation = Series.of([BASELINE * value for value in values], steps=STEPS[: len(values)])
    run = make_run(
        loss=loss,
        loss_kind=kind,
        label_count={"0": [8] * 5, "1": [8] * 5},
        evaluation_loss={"a": evaluation},
    )
    return rule.evaluate(run)


def test_reports_an_evaluation_that_is_worse_than_guessing():
    [finding] = findings(5.0, 6.0, 7.0, 8.0, 9.0)
    assert (finding.severity, finding.steps) == (Severity.WARNING, (19, 99))


def test_silent_at_exactly_the_limit():
    assert findings(1.2, 1.2, 1.2, 1.2, 1.2) == ()
    assert len(findings(1.21, 1.21, 1.21, 1.21, 1.21)) == 1


def test_an_evaluation_that_was_good_once_is_overfitting():
    assert findings(0.9, 2.0, 3.0, 4.0, 5.0) == ()


def test_silent_where_the_training_does_not_succeed():
    assert findings(5.0, 6.0, 7.0, 8.0, 9.0, loss=[BASELINE] * 100) == ()


def test_by_far_too_high_it_is_reported_of_a_training_that_has_only_begun():
    begun = list(BASELINE * (0.6 + 0.4 * np.exp(-np.arange(100) / 5)))
    assert len(findings(3.1, 6.0, 7.0, 8.0, 9.0, loss=begun)) == 1
    assert findings(3.0, 6.0, 7.0, 8.0, 9.0, loss=begun) == ()


def test_silent_under_three_evaluations():
    assert findings(5.0, 6.0) == ()


def test_not_evaluated_where_no_constant_is_known():
    assert findings(5.0, 6.0, 7.0, kind="unknown") == NotEvaluated(
        "evaluation-far-off", "the loss of a constant prediction is not known"
    )


def before(
    evaluation: float, *, training: float = 0.1, steps: int = 200
) -> tuple[Finding, ...] | NotEvaluated:
    losses = [BASELINE] + [training] * (steps - 1)
    record = make_preflight(
        sequences={"fit_loss": {"own": losses}},
        fitted_loss={"training": training, "evaluation": evaluation * BASELINE},
        initial_loss=BASELINE,
        best_constant_loss=BASELINE,
    )
    return rule.evaluate_preflight(record)


def test_before_the_first_step_reports_a_copy_that_is_another_one_in_evaluation():
    found = before(1.21)
    assert isinstance(found, tuple)
    assert found[0].evidence["evaluation_mode"] == 1.21 * BASELINE
    assert before(1.2) == ()


def test_before_the_first_step_nothing_is_said_of_a_copy_that_did_not_learn():
    reason = "the copy did not learn the first batch"
    assert before(5.0, training=0.6) == NotEvaluated("evaluation-far-off", reason)


def test_before_the_first_step_statistics_get_time_to_follow():
    reason = "99 steps on the first batch, at least 100"
    assert before(5.0, steps=99) == NotEvaluated("evaluation-far-off", reason)
    assert isinstance(before(5.0, steps=100), tuple)
    assert before(5.0, steps=100) != ()
