import math

import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact
from defib.rules.loss.initial_loss_off import InitialLossOff
from defib.testing import make_preflight, make_run

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


EQUAL = math.log(2)


def findings(first: float, *, rest: float = 1.0, reduction: str = "mean"):
    """A training that begins at `first` and rests at `rest`, in units of that of equal scores."""
    losses = EQUAL * np.array([first, *[rest] * 99])
    return rule.evaluate(
        make_run(
            loss=list(losses),
            label_count={"0": [15] * 5, "1": [1] * 5},
            facts={"losses": (LossFact("SGD", "cross-entropy", reduction=reduction),)},
        )
    )


def test_a_warning_where_a_training_began_far_off_and_fails():
    [finding] = findings(2.1)
    assert finding.severity is Severity.WARNING
    assert "2.1 times that of equal scores" in finding.message


def test_information_where_a_training_got_over_it():
    [finding] = findings(2.1, rest=0.01)
    assert finding.severity is Severity.INFO


def test_rare_classes_do_not_lower_the_limit_of_a_training():
    assert findings(2.0) == ()


def test_a_training_on_a_sum_of_several_losses_is_not_judged():
    assert isinstance(findings(9.0, reduction=""), NotEvaluated)


def test_information_where_the_batch_is_learnt_and_the_loss_is_not_far_off():
    def severity(ratio: float, end: float) -> str:
        record = make_preflight(
            initial_loss={"cross_entropy": ratio},
            constant_prediction_loss={"cross_entropy": 1.0},
            sequences={"fit_loss": {"own": [ratio, *[end * ratio] * 199]}},
        )
        [finding] = InitialLossOff().evaluate_preflight(record)  # type: ignore[misc]
        return finding.severity.value

    assert severity(5.0, end=0.09) == "info"
    assert severity(5.1, end=0.09) == "warning"
    assert severity(5.0, end=0.1) == "warning"
