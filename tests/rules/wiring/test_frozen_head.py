from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.wiring.frozen_head import FrozenHead
from defib.testing import make_preflight

rule = FrozenHead()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_a_frozen_head_and_one_as_drawn_as_a_warning():
    [finding] = findings(frozen_head={"fc": 1.0}, fresh_head={"fc": 1.0})
    assert (finding.layer, finding.severity.value) == ("fc", "warning")
    [finding] = findings(frozen_head={"fc": 1.0}, fresh_head={"fc": 0.0})
    assert finding.severity.value == "info"


def test_silent_where_the_head_is_trained():
    assert findings(frozen_head={"fc": 0.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("frozen-head", "not measured: frozen_head")
