import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.series import Series
from defib.rules.generalization.overtraining import Overtraining
from defib.testing import make_run

rule = Overtraining(max_best=0.2, min_evaluations=20, min_training_fall=0.05)
DECAY = list(np.exp(-np.arange(1000) / 200))


def findings(values, *, loss=DECAY):
    steps = [round(step) for step in np.linspace(0, 999, len(values))]
    run = make_run(loss=loss, evaluation_loss={"a": Series.of(values, steps=steps)})
    return rule.evaluate(run)


def rest_from(place, count=40):
    """An evaluation loss that falls in a straight line until `place` and then rests."""
    return list(np.maximum(1.0 - 0.5 * np.arange(count) / place, 0.5))


def test_reports_a_run_most_of_which_brought_nothing():
    [finding] = findings(rest_from(4))
    assert finding.severity is Severity.INFO
    assert finding.steps == (102, 999)


def test_silent_when_it_came_to_rest_late():
    assert findings(rest_from(10)) == ()


def test_the_limit_is_a_fifth_of_the_run():
    assert len(findings(rest_from(7))) == 1
    assert findings(rest_from(8)) == ()


def test_silent_when_the_training_rests_too():
    assert findings(rest_from(4), loss=[1.0] * 1000) == ()


def test_not_evaluated_under_twenty_evaluations():
    assert findings(rest_from(2, count=19)) == NotEvaluated(
        "overtraining", "19 evaluations were seen, 20 needed"
    )


def test_not_evaluated_without_an_evaluation():
    assert rule.evaluate(make_run(loss=[1.0])) == NotEvaluated(
        "overtraining", "not recorded: evaluation_loss"
    )
