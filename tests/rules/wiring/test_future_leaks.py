from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.wiring.future_leaks import FutureLeaks
from defib.testing import make_preflight

rule = FutureLeaks()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_positions_that_see_the_future():
    [finding] = findings(leaking_positions=0.5)
    assert finding.evidence["leaking_positions"] == 0.5


def test_silent_where_none_does():
    assert findings(leaking_positions=0.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("future-leaks", "not measured: leaking_positions")
