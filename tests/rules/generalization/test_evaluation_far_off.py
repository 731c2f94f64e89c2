import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.series import Series
from defib.rules.generalization.evaluation_far_off import EvaluationFarOff
from defib.testing import make_run

rule = EvaluationFarOff(max_ratio=1.2, begun=0.8, learnt=0.5, min_evaluations=3)
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


def test_silent_under_three_evaluations():
    assert findings(5.0, 6.0) == ()


def test_not_evaluated_where_no_constant_is_known():
    assert findings(5.0, 6.0, 7.0, kind="unknown") == NotEvaluated(
        "evaluation-far-off", "the loss of a constant prediction is not known"
    )
