from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.loss.targets_outside_zero_one import TargetsOutsideZeroOne
from defib.testing import make_preflight

rule = TargetsOutsideZeroOne()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def targets(low: float, high: float, name: str = "binary_cross_entropy"):
    return findings(target_lowest={name: low}, target_highest={name: high})


def test_reports_signs_and_class_numbers():
    assert len(targets(-1.0, 1.0)) == 1
    assert len(targets(0.0, 2.0)) == 1


def test_silent_at_exactly_the_limits():
    assert targets(0.0, 1.0) == ()


def test_not_judged_for_other_losses():
    assert isinstance(targets(-1.0, 1.0, "mse_loss"), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("targets-outside-zero-one", "not measured: target_lowest")
