import pytest

from defib.records.finding import NotEvaluated
from defib.records.preflight import LossCall
from defib.rules.loss.loss_broadcasting import LossBroadcasting
from defib.testing import make_preflight

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
