from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.token_out_of_range import TokenOutOfRange
from defib.testing import make_preflight

rule = TokenOutOfRange()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_ids_that_the_embedding_does_not_have():
    assert len(findings(embedding_rows=8.0, lowest_token=0.0, highest_token=8.0)) == 1
    assert len(findings(embedding_rows=8.0, lowest_token=-1.0, highest_token=3.0)) == 1


def test_silent_with_the_last_row():
    assert findings(embedding_rows=8.0, lowest_token=0.0, highest_token=7.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("token-out-of-range", "not measured: embedding_rows")
