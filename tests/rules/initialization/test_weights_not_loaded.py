from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.initialization.weights_not_loaded import WeightsNotLoaded
from defib.testing import make_preflight

rule = WeightsNotLoaded()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_a_state_that_does_not_fit():
    [finding] = findings(missing_share={"Net": 1.0}, unexpected_keys={"Net": 12.0})
    assert finding.severity.value == "error"
    [finding] = findings(missing_share={"Net": 0.51}, unexpected_keys={"Net": 1.0})
    assert finding.severity.value == "warning"


def test_silent_at_exactly_the_limit():
    assert findings(missing_share={"Net": 0.5}, unexpected_keys={"Net": 12.0}) == ()


def test_silent_where_everything_of_the_state_found_its_place():
    assert findings(missing_share={"Net": 0.9}, unexpected_keys={"Net": 0.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("weights-not-loaded", "not measured: missing_share")
