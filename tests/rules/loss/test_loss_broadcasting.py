import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.preflight import LossCall
from defib.records.run import LossFact
from defib.rules.loss.loss_broadcasting import LossBroadcasting
from defib.testing import make_preflight, make_run

Shape = tuple[int, ...]


def outcome_of(predictions: Shape, targets: Shape, name: str = "mse_loss"):
    call = LossCall(name, predictions, targets)
    return LossBroadcasting().evaluate_preflight(make_preflight(fields={"loss_calls": (call,)}))


@pytest.mark.parametrize(
    ("predictions", "targets", "remedy"),
    [((32, 1), (32,), "squeeze"), ((32,), (32, 1), "same shape"), ((8, 3), (8, 1), "same shape")],
)
def test_reports_shapes_that_differ(predictions: Shape, targets: Shape, remedy: str):
    [finding] = outcome_of(predictions, targets)  # type: ignore[misc]
    assert remedy in finding.remedy
    assert str(targets) in finding.message


@pytest.mark.parametrize(("predictions", "targets"), [((32, 1), (32, 1)), ((32,), ())])
def test_silent_for_equal_shapes_and_for_a_single_number(predictions: Shape, targets: Shape):
    assert outcome_of(predictions, targets) == ()


def test_not_judged_for_classes():
    assert isinstance(outcome_of((32, 10), (32,), "cross_entropy"), NotEvaluated)


def findings(operation: str, loss: list[float], kind: str = "mean-squared-error"):
    fact = LossFact("SGD", kind, input_operation=operation)
    return LossBroadcasting().evaluate(make_run(loss=loss, facts={"losses": (fact,)}))


def test_reports_predictions_that_were_stretched_in_a_training():
    [finding] = findings("ExpandBackward0", [1.0] * 60)
    assert finding.severity is Severity.ERROR


def test_a_warning_where_the_training_succeeds_all_the_same():
    [finding] = findings("ExpandBackward0", [0.9**step for step in range(60)])
    assert finding.severity is Severity.WARNING


def test_a_training_on_predictions_as_they_come_is_silent():
    assert findings("AddmmBackward0", [1.0] * 60) == ()


def test_a_training_on_classes_is_not_judged():
    assert isinstance(findings("ExpandBackward0", [1.0] * 60, "cross-entropy"), NotEvaluated)


def test_a_loss_written_by_hand_is_judged_before_the_first_step():
    fact = LossFact("SGD", "mean-squared-error", input_operation="ExpandBackward0")
    record = make_preflight(facts={"losses": (fact,)})
    [finding] = LossBroadcasting().evaluate_preflight(record)  # type: ignore[misc]
    assert finding.severity is Severity.ERROR
