from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.optimization.decay_inside_adam import DecayInsideAdam
from defib.testing import make_preflight

rule = DecayInsideAdam()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_a_decay_that_is_divided_by_the_gradients():
    [finding] = findings(decay_pull={"Adam[0]": 100.0})
    assert finding.severity.value == "info"


def test_silent_at_exactly_the_limit():
    assert findings(decay_pull={"SGD[0]": 3.0}) == ()


def test_not_judged_without_a_decay():
    assert isinstance(findings(decay_pull={"SGD[0]": float("nan")}), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("decay-inside-adam", "not measured: decay_pull")
