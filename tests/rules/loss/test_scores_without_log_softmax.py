import pytest

from defib.records.finding import NotEvaluated
from defib.records.run import LossFact
from defib.rules.loss.scores_without_log_softmax import ScoresWithoutLogSoftmax
from defib.testing import make_preflight, make_run

rule = ScoresWithoutLogSoftmax(max_error=0.05)


def outcome_of(classes: float, *, samples: float = 3.0, loss: str = "nll_loss"):
    sums = {"classes": classes, "samples": samples}
    record = make_preflight(score_sum_error=sums, lowest_score={loss: 0.0})
    return rule.evaluate_preflight(record)


def test_reports_scores_that_do_not_sum_to_1():
    [finding] = outcome_of(2.5)  # type: ignore[misc]
    assert "cross_entropy" in finding.remedy


def test_silent_at_exactly_the_limit():
    assert outcome_of(0.05) == ()


def test_silent_where_the_axis_is_the_fault():
    assert outcome_of(2.5, samples=0.0) == ()


def test_not_judged_for_other_losses():
    assert isinstance(outcome_of(2.5, loss="cross_entropy"), NotEvaluated)


def test_not_evaluated_without_its_metric():
    assert isinstance(rule.evaluate_preflight(make_preflight()), NotEvaluated)


def in_run(operation: str, kind: str = "negative-log-likelihood"):
    loss = LossFact("SGD", kind, input_operation=operation)
    return rule.evaluate(make_run(facts={"losses": (loss,)}, loss=[-1.0, -2.0]))


@pytest.mark.parametrize("operation", ["SoftmaxBackward0", "AddmmBackward0", "ReluBackward0"])
def test_reports_a_training_on_what_is_no_logarithm(operation: str):
    [finding] = in_run(operation)  # type: ignore[misc]
    assert finding.steps == (0, 1)
    assert finding.fixes == ("replace-loss",)


@pytest.mark.parametrize("operation", ["LogBackward0", "SubBackward0", "IndexBackward0"])
def test_silent_in_a_training_on_what_may_be_one(operation: str):
    assert in_run(operation) == ()


def test_not_judged_in_a_training_with_another_loss():
    assert isinstance(in_run("AddmmBackward0", "cross-entropy"), NotEvaluated)
