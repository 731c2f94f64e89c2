from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.random_evaluation_data import RandomEvaluationData
from defib.testing import make_preflight

rule = RandomEvaluationData()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_examples_that_change():
    [finding] = findings(changing_examples={"0": 0.5})
    assert finding.evidence["changing_examples"] == 0.5


def test_silent_where_none_changes():
    assert findings(changing_examples={"0": 0.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("random-evaluation-data", "not measured: changing_examples")
