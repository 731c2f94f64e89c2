import numpy as np

from defib.records.finding import NotEvaluated
from defib.records.run import LossFact
from defib.rules.loss.negative_loss import NegativeLoss
from defib.testing import make_run

rule = NegativeLoss(lowest=-1e-4)
NODE = "BinaryCrossEntropyWithLogitsBackward0"


def findings(*losses, operations=(NODE,), kind="binary-cross-entropy", **metrics):
    fact = LossFact("SGD", kind, operations=operations)
    return rule.evaluate(make_run(loss=list(losses), facts={"losses": (fact,)}, **metrics))


def test_reports_a_cross_entropy_below_zero():
    [finding] = findings(0.7, 0.1, -0.5, -3.0, target_mean=[1.5, 1.5])
    assert finding.steps == (2, 3)
    assert "-3 at its lowest" in finding.message
    assert "mean of 1.5" in finding.message


def test_silent_at_exactly_the_limit():
    assert findings(0.7, -1e-4) == ()
    assert len(findings(0.7, -1.1e-4)) == 1


def test_silent_at_zero():
    assert findings(0.7, 0.0) == ()


def test_a_loss_that_is_scaled_keeps_its_sign():
    assert len(findings(0.7, -1.0, operations=("DivBackward0", NODE))) == 1


def test_not_evaluated_where_something_is_added():
    assert findings(0.7, -1.0, operations=("AddBackward0", NODE)) == NotEvaluated(
        "negative-loss", "no loss that is at least 0 by its form"
    )


def test_not_evaluated_for_losses_that_may_be_negative():
    assert isinstance(findings(-1.0, -2.0, kind="negative-log-likelihood"), NotEvaluated)
    assert isinstance(findings(-1.0, -2.0, kind="unknown"), NotEvaluated)


def test_a_loss_that_is_not_finite_is_another_finding():
    assert findings(0.7, np.nan) == ()
