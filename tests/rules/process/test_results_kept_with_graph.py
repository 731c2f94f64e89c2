from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.process.results_kept_with_graph import ResultsKeptWithGraph
from defib.testing import make_preflight

rule = ResultsKeptWithGraph()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_growth():
    [finding] = findings(held_growth=32.0)
    assert finding.evidence["elements_per_step"] == 32


def test_silent_without_growth():
    assert findings(held_growth=0.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("results-kept-with-graph", "not measured: held_growth")
