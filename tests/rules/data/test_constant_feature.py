from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.constant_feature import ConstantFeature
from defib.testing import make_preflight

rule = ConstantFeature()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_columns_of_one_value():
    [finding] = findings(features=5.0, constant_features=2.0, examples=100.0)
    assert finding.evidence["constant_features"] == 2


def test_silent_where_every_column_varies():
    assert findings(features=5.0, constant_features=0.0, examples=100.0) == ()


def test_not_judged_from_a_few_examples():
    assert isinstance(findings(features=5.0, constant_features=2.0, examples=99.0), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("constant-feature", "not measured: features")
