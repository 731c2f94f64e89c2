from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.wiring.freeze_without_effect import FreezeWithoutEffect
from defib.testing import make_preflight

rule = FreezeWithoutEffect()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_parameters_that_are_trained_all_the_same():
    [finding] = findings(idle_freeze={"backbone": 100.0, "": 0.0})
    assert finding.layer == "backbone"


def test_silent_where_nothing_below_is_trained():
    assert findings(idle_freeze={"backbone": 0.0, "": 0.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("freeze-without-effect", "not measured: idle_freeze")
