import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.activation.constant_output import ConstantOutput
from defib.testing import make_preflight, make_run

rule = ConstantOutput()


def findings(*spread: float, mean: float = 0.5, loss_kind: str = "cross-entropy", **metrics):
    run = make_run(
        loss_kind=loss_kind,
        prediction_batch_std=list(spread),
        prediction_mean=[mean] * len(spread),
        **metrics,
    )
    return rule.evaluate(run)


def test_reports_output_that_stays_constant():
    [finding] = findings(0.4, 0.0, 0.0, 0.0)
    assert finding.steps == (1, 3)
    assert "since step 1" in finding.message


def test_is_an_error_and_a_symptom():
    [finding] = findings(0.0, 0.0, 0.0)
    assert finding.severity is Severity.ERROR
    assert rule.is_symptom


def test_silent_at_exactly_the_limit():
    assert findings(1e-5, 1e-5, 1e-5) == ()


def test_silent_on_an_output_that_recovers():
    assert findings(0.0, 0.0, 0.0, 1e-4) == ()


def test_silent_on_a_zero_last_layer_after_its_first_step():
    assert findings(0.0, 1e-3, 1e-2, 1e-1) == ()


def test_silent_before_patience_is_over():
    assert findings(0.4, 0.0, 0.0) == ()


@pytest.mark.parametrize(("spread", "count"), [(9e-4, 1), (1e-3, 0)])
def test_scale_of_a_regression_is_that_of_its_targets(spread: float, count: int):
    # Targets of standard deviation 100: the limit is 1e-3.
    targets = {"target_mean": [0.0] * 3, "target_std": [100.0] * 3}
    assert len(findings(*[spread] * 3, loss_kind="mean-squared-error", **targets)) == count


def test_batches_of_one_class_each_have_targets_that_vary():
    targets = {"target_mean": [0.0, 1.0, 1.0], "target_std": [0.0] * 3}
    assert len(findings(0.0, 0.0, 0.0, loss_kind="binary-cross-entropy", **targets)) == 1


def test_silent_where_the_targets_are_constant():
    targets = {"target_mean": [3.0] * 3, "target_std": [0.0] * 3}
    assert findings(0.0, 0.0, 0.0, loss_kind="mean-squared-error", **targets) == ()


def test_silent_where_all_labels_are_the_same():
    assert findings(0.0, 0.0, 0.0, label_count={"0": [8] * 3, "1": [0] * 3}) == ()


def test_rounding_of_a_large_constant_is_no_variation():
    targets = {"target_mean": [1e4] * 3, "target_std": [1.0] * 3}
    found = findings(*[1e-3] * 3, mean=1e4, loss_kind="mean-squared-error", **targets)
    assert len(found) == 1


def test_scale_of_an_unknown_loss_is_that_of_the_predictions():
    deviation = {"prediction_std": [5.0] * 3}
    assert len(findings(4e-5, 4e-5, 4e-5, loss_kind="unknown", **deviation)) == 1
    assert findings(5e-5, 5e-5, 5e-5, loss_kind="unknown", **deviation) == ()


def test_reports_zeros_whatever_the_loss():
    assert len(findings(0.0, 0.0, 0.0, mean=0.0, loss_kind="unknown")) == 1


def test_not_evaluated_where_every_batch_holds_one_example():
    result = findings(*[float("nan")] * 5)
    assert isinstance(result, NotEvaluated)
    assert "one example" in result.reason


def test_batches_of_one_example_in_between_are_passed_over():
    assert len(findings(0.0, np.nan, 0.0, 0.0)) == 1


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "constant-output", "not recorded: prediction_batch_std, prediction_mean"
    )


def at_first_batch(spread: float, later: float):
    record = make_preflight(
        prediction_batch_std=spread,
        prediction_mean=1.0,
        fitted_prediction_batch_std={"": later},
    )
    return rule.evaluate_preflight(record)


def test_reports_before_training_an_output_that_stays_constant_on_a_copy():
    [finding] = at_first_batch(0.0, 0.0)  # type: ignore[misc]
    assert finding.steps == (0, 0)


def test_silent_before_training_where_the_output_moves_at_once():
    assert at_first_batch(0.0, 0.1) == ()
    assert at_first_batch(0.1, 0.0) == ()


def test_not_judged_before_training_on_a_batch_of_one():
    assert isinstance(at_first_batch(float("nan"), 0.0), NotEvaluated)
