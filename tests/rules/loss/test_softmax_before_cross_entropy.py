from dataclasses import replace

import numpy as np
from torch import nn

from defib.analysis.inspection import inspect
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


# -- without a run -----------------------------------------------------------------------------


def found_in_network(*end: nn.Module, loss_kind: str = "cross-entropy"):
    architecture = inspect(nn.Sequential(nn.Linear(3, 4), *end), (2, 3))
    return rule.evaluate_architecture(replace(architecture, loss_kind=loss_kind))


def test_found_in_a_network_that_ends_in_a_softmax():
    [finding] = found_in_network(nn.Softmax(1), nn.Dropout(), nn.Flatten())
    assert (finding.layer, finding.severity) == ("1", Severity.ERROR)
    assert f"cannot fall below {np.log1p(3 / np.e):.2g}" in finding.message


def test_silent_about_logits_and_log_softmax_of_a_network():
    assert found_in_network() == ()
    assert found_in_network(nn.LogSoftmax(1)) == ()


def test_silent_about_a_softmax_inside():
    assert found_in_network(nn.Softmax(1), nn.Linear(4, 2)) == ()


def test_silent_about_a_network_with_another_loss():
    assert found_in_network(nn.Softmax(1), loss_kind="mean-squared-error") == ()


def test_not_evaluated_where_the_loss_of_a_network_is_not_known():
    outcome = found_in_network(nn.Softmax(1), loss_kind="")
    assert outcome == NotEvaluated("softmax-before-cross-entropy", "the loss is not known")
