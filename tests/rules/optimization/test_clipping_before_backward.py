import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Coverage, Event
from defib.rules.optimization.clipping_before_backward import ClippingBeforeBackward
from defib.testing import make_run

rule = ClippingBeforeBackward(min_calls=6)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))
CLIPPING = Event("gradient-clipping", 0, {"limit": 0.1})


def findings(calls=6.0, loss=FLAT, backward_calls=100):
    events = [CLIPPING]
    if calls:
        events.append(Event("clipping-without-backward", 6, {"calls": calls}))
    coverage = Coverage(backward_calls=backward_calls)
    return rule.evaluate(make_run(loss=loss, facts={"events": tuple(events), "coverage": coverage}))


def test_reports_clipping_without_a_gradient():
    [finding] = findings()
    assert finding.severity is Severity.ERROR
    assert "6 times" in finding.message


def test_a_warning_while_the_training_learns():
    [finding] = findings(loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_silent_when_gradients_were_there():
    assert findings(calls=0.0) == ()


def test_silent_with_fewer_calls_than_are_needed():
    assert findings(calls=5.0) == ()


def test_not_evaluated_where_nothing_is_clipped():
    assert rule.evaluate(make_run(loss=FLAT)) == NotEvaluated(
        "clipping-before-backward", "no gradient was clipped by `torch.nn.utils`"
    )


def test_not_evaluated_where_gradients_come_from_elsewhere():
    assert findings(backward_calls=0) == NotEvaluated(
        "clipping-before-backward", "no call of `backward` was seen"
    )
