import math

from defib.records.finding import NotEvaluated
from defib.records.preflight import PreflightRecord
from defib.rules.loss.initial_loss_off import InitialLossOff
from defib.testing import make_preflight

rule = InitialLossOff(max_ratio=2.0)


def record(loss: float, constant: float = 1.0, name: str = "cross_entropy") -> PreflightRecord:
    return make_preflight(initial_loss={name: loss}, constant_prediction_loss={name: constant})


def test_reports_a_first_loss_far_above_that_of_equal_scores():
    [finding] = rule.evaluate_preflight(record(9.2, math.log(10)))  # type: ignore[misc]
    assert finding.evidence["initial_loss"] == 9.2
    assert "4.0 times" in finding.message


def test_silent_at_exactly_the_limit():
    assert rule.evaluate_preflight(record(2.0)) == ()


def test_silent_for_a_network_that_is_good_from_the_start():
    assert rule.evaluate_preflight(record(0.01)) == ()


def test_not_judged_for_errors_of_numbers_and_without_a_number():
    assert isinstance(rule.evaluate_preflight(record(90.0, name="mse_loss")), NotEvaluated)
    assert isinstance(rule.evaluate_preflight(record(math.nan)), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("initial-loss-off", "not measured: initial_loss")
