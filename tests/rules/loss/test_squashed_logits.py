from typing import Any

import pytest

from defib.records.finding import NotEvaluated
from defib.records.run import LossFact
from defib.rules.loss.squashed_logits import SquashedLogits
from defib.testing import make_preflight

rule = SquashedLogits()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def loss(operation: str) -> dict[str, Any]:
    return {"losses": (LossFact("SGD", "cross-entropy", input_operation=operation),)}


GIVEN: dict[str, Any] = {
    "prediction_lowest": {"cross_entropy": 0.1},
    "prediction_highest": {"cross_entropy": 0.9},
}


@pytest.mark.parametrize("operation", ["SigmoidBackward0", "ReluBackward0", "TanhBackward0"])
def test_reports_what_bounds_the_logits(operation: str):
    assert len(findings(**GIVEN, facts=loss(operation))) == 1


def test_silent_after_a_layer():
    assert findings(**GIVEN, facts=loss("AddmmBackward0")) == ()


def test_not_judged_where_the_loss_takes_probabilities():
    outcome = findings(prediction_lowest={"mse_loss": 0.0}, facts=loss("SigmoidBackward0"))
    assert isinstance(outcome, NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("squashed-logits", "not measured: prediction_lowest")
