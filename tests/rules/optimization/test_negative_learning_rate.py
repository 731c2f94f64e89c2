import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.negative_learning_rate import NegativeLearningRate
from defib.testing import make_preflight, make_run

rule = NegativeLearningRate(min_rate=0.0)
RISE = [*np.linspace(1.0, 0.1, 50), *np.linspace(0.1, 3.0, 50)]
DECAY = list(np.exp(-np.arange(100) / 20))


def findings(*rates, loss=RISE):
    return rule.evaluate(make_run(loss=loss, learning_rate=list(rates)))


def test_reports_a_rate_that_falls_below_zero():
    [finding] = findings(0.1, 0.05, -0.01, -0.06)
    assert (finding.severity, finding.steps) == (Severity.ERROR, (2, 3))
    assert "-0.06 at step 3" in finding.message


def test_a_warning_while_the_loss_stays_down():
    [finding] = findings(0.1, -0.01, loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_silent_at_exactly_zero():
    assert findings(0.1, 0.05, 0.0) == ()


def test_each_optimizer_is_judged_by_itself():
    [finding] = rule.evaluate(make_run(learning_rate={"A": [0.1, 0.1], "B": [0.1, -0.1]}))
    assert "`B`" in finding.message


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "negative-learning-rate", "not recorded: learning_rate"
    )


def test_before_the_first_step_reported_below_zero_and_silent_at_it():
    outcome = NegativeLearningRate().evaluate_preflight(make_preflight(learning_rate=-0.1))
    assert len(outcome) == 1  # type: ignore[arg-type]
    assert NegativeLearningRate().evaluate_preflight(make_preflight(learning_rate=0.0)) == ()
