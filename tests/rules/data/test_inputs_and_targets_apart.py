from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.inputs_and_targets_apart import InputsAndTargetsApart
from defib.testing import make_preflight

rule = InputsAndTargetsApart()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_two_orders():
    assert len(findings(shuffled_apart=1.0)) == 1


def test_silent_with_one_order():
    assert findings(shuffled_apart=0.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("inputs-and-targets-apart", "not measured: shuffled_apart")
