import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact
from defib.records.site import Site
from defib.rules.loss.softmax_before_cross_entropy import SoftmaxBeforeCrossEntropy
from defib.testing import make_run

rule = SoftmaxBeforeCrossEntropy()
FLAT = list(2.3 + np.random.default_rng(0).normal(0, 0.01, 100))
DECAY = list(2.3 * np.exp(-np.arange(100) / 20))


def findings(kind="cross-entropy", operation="SoftmaxBackward0", loss=FLAT, **sites):
    fact = LossFact("SGD", kind, input_operation=operation, **sites)
    labels = {str(label): [10.0] for label in range(10)}
    return rule.evaluate(make_run(loss=loss, label_count=labels, facts={"losses": (fact,)}))


def test_an_error_where_the_loss_does_not_fall():
    [finding] = findings()
    assert (finding.severity, finding.steps) == (Severity.ERROR, (0, 99))


def test_a_warning_where_the_loss_falls():
    [finding] = findings(loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_says_how_far_the_loss_can_fall():
    [finding] = findings()
    assert "cannot fall below 1.5" in finding.message


def test_shows_where_the_softmax_is_and_else_where_the_loss_is():
    softmax, loss = Site("model.py", 9), Site("train.py", 30)
    [finding] = findings(input_site=softmax, site=loss)
    assert finding.site == softmax
    [finding] = findings(site=loss)
    assert finding.site == loss


def test_silent_about_logits():
    assert findings(operation="AddmmBackward0") == ()


def test_silent_about_a_log_softmax():
    assert findings(operation="LogSoftmaxBackward0") == ()


def test_silent_about_other_losses():
    assert findings(kind="negative-log-likelihood") == ()


def test_not_evaluated_where_no_loss_was_read():
    run = make_run(facts={"losses": ()})
    assert rule.evaluate(run) == NotEvaluated("softmax-before-cross-entropy", "no loss was read")
