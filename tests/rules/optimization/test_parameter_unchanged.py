import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.parameter_unchanged import ParameterUnchanged
from defib.testing import make_run

rule = ParameterUnchanged(min_gradient=1e-3, min_samples=5)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))
MOVING = [1e-3] * 5


def findings(still=(0.0,) * 5, other=MOVING, *, gradient=1.0, loss=FLAT):
    return rule.evaluate(
        make_run(
            loss=loss,
            update_ratio={"1.weight": list(still), "2.weight": list(other)},
            gradient_norm={"1.weight": [gradient] * 5, "2.weight": [1.0] * 5},
        )
    )


def test_reports_a_weight_that_no_step_changes():
    [finding] = findings()
    assert (finding.severity, finding.layer) == (Severity.ERROR, "1")
    assert finding.evidence["elements"] == 64


def test_information_while_the_training_learns():
    [finding] = findings(loss=DECAY)
    assert finding.severity is Severity.INFO


def test_silent_when_one_step_changes_it():
    assert findings(still=(0.0, 0.0, 1e-9, 0.0, 0.0)) == ()


def test_a_gradient_that_vanishes_is_another_finding():
    assert findings(gradient=1e-3) == ()
    assert len(findings(gradient=1.1e-3)) == 1


def test_silent_under_five_recorded_steps():
    assert findings(still=(0.0,) * 4) == ()


def test_not_evaluated_where_nothing_moves():
    assert findings(other=[0.0] * 5) == NotEvaluated(
        "parameter-unchanged", "no weight moved at any of 5 recorded steps"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=FLAT)) == NotEvaluated(
        "parameter-unchanged", "not recorded: update_ratio, gradient_norm"
    )
