from defib.records.finding import NotEvaluated
from defib.rules.loss.scores_without_log_softmax import ScoresWithoutLogSoftmax
from defib.testing import make_preflight

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
