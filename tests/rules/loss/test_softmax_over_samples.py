from defib.records.finding import NotEvaluated
from defib.rules.loss.softmax_over_samples import SoftmaxOverSamples
from defib.testing import make_preflight

rule = SoftmaxOverSamples(max_error=1e-3)


def outcome_of(classes: float, samples: float, lowest: float = 0.0):
    sums = {"classes": classes, "samples": samples}
    record = make_preflight(score_sum_error=sums, lowest_score={"cross_entropy": lowest})
    return rule.evaluate_preflight(record)


def test_reports_sums_over_samples():
    [finding] = outcome_of(0.9, 1e-7)  # type: ignore[misc]
    assert "dim=1" in finding.remedy


def test_silent_for_sums_over_classes_for_no_sums_and_for_logits():
    assert outcome_of(1e-7, 0.9) == ()
    assert outcome_of(1e-7, 1e-7) == ()
    assert outcome_of(0.9, 0.9) == ()
    assert outcome_of(0.9, 1e-7, lowest=-0.1) == ()


def test_the_limit_itself_counts_as_1():
    assert len(outcome_of(0.9, 1e-3)) == 1  # type: ignore[arg-type]
    assert outcome_of(1e-3, 1e-3) == ()


def test_not_evaluated_without_its_metric():
    assert isinstance(rule.evaluate_preflight(make_preflight()), NotEvaluated)
