import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Event
from defib.rules.optimization.skipped_steps import SkippedSteps
from defib.testing import make_run

rule = SkippedSteps(max_share=0.1, warm_up=20)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(skipped, *, loss=FLAT):
    events = tuple(Event("skipped-step", step) for step in range(skipped))
    return rule.evaluate(make_run(loss=loss, facts={"events": events}))


def test_reports_steps_that_are_skipped_again_and_again():
    [finding] = findings(50)
    assert finding.severity is Severity.ERROR
    assert "50 of 150 steps (33%" in finding.message


def test_a_warning_while_the_training_learns():
    [finding] = findings(50, loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_a_scale_that_begins_high_is_no_fault():
    assert findings(20) == ()
    assert len(findings(21)) == 1


def test_silent_at_exactly_the_limit():
    long = [0.7] * 270
    assert findings(30, loss=long) == ()
    assert len(findings(31, loss=long)) == 1


def test_silent_without_skipped_steps():
    assert findings(0) == ()


def test_not_evaluated_without_steps():
    assert rule.evaluate(make_run()) == NotEvaluated("skipped-steps", "no step was taken")
