from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.evaluation_scaled_otherwise import EvaluationScaledOtherwise
from defib.testing import make_preflight

rule = EvaluationScaledOtherwise()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_another_mean_and_another_spread():
    for shift, ratio in ((0.6, 1.0), (0.0, 2.1), (0.0, 0.4)):
        found = findings(
            mean_shift={"0": shift}, scale_ratio={"0": ratio}, compared_examples={"0": 50.0}
        )
        assert len(found) == 1


def test_silent_at_exactly_the_limits():
    given = {"mean_shift": {"0": -0.5}, "scale_ratio": {"0": 2.0}}
    assert findings(**given, compared_examples={"0": 50.0}) == ()


def test_silent_over_a_handful_of_examples():
    given = {"mean_shift": {"0": 3.0}, "scale_ratio": {"0": 1.0}}
    assert findings(**given, compared_examples={"0": 19.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("evaluation-scaled-otherwise", "not measured: mean_shift")
