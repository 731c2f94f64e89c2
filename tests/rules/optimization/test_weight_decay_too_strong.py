import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.weight_decay_too_strong import WeightDecayTooStrong
from defib.testing import make_run

rule = WeightDecayTooStrong(min_decay=0.3, max_remaining=0.5)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(*, decay=0.5, first=(8.0, 2.0), second=(8.0, 2.0), loss=FLAT):
    return rule.evaluate(
        make_run(
            loss=loss,
            weight_decay=[decay, decay],
            parameter_norm={"1.weight": list(first), "2.weight": list(second)},
            gradient_norm={"1.weight": [0.1, 0.1], "2.weight": [0.1, 0.1]},
        )
    )


def test_reports_weights_that_fade_away():
    [finding] = findings()
    assert finding.severity is Severity.ERROR
    assert finding.evidence["largest_remaining_norm"] == 0.25


def test_a_warning_where_the_training_learns_a_little():
    [finding] = findings(loss=SLOW)
    assert finding.severity is Severity.WARNING


def test_silent_while_the_training_learns():
    assert findings(loss=DECAY) == ()


def test_silent_at_exactly_the_limits():
    assert findings(first=(8.0, 4.0)) == ()
    assert findings(decay=0.3) == ()


def test_one_weight_that_keeps_its_size_acquits_the_decay():
    assert findings(second=(8.0, 7.0)) == ()


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=FLAT)) == NotEvaluated(
        "weight-decay-too-strong", "not recorded: weight_decay, parameter_norm"
    )
