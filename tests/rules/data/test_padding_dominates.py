from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.padding_dominates import PaddingDominates
from defib.testing import make_preflight

rule = PaddingDominates(max_share=0.5)


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_mostly_padding():
    assert len(findings(trailing_share=0.51)) == 1


def test_silent_at_exactly_the_limit():
    assert findings(trailing_share=0.5) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("padding-dominates", "not measured: trailing_share")
