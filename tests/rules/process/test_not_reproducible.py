from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.process.not_reproducible import NotReproducible
from defib.testing import make_preflight

rule = NotReproducible()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_losses_that_differ():
    [finding] = findings(repeated_loss_difference=0.1, repeated_fit_difference=0.0)
    assert finding.severity.value == "warning"
    [finding] = findings(repeated_loss_difference=0.0, repeated_fit_difference=1e-4)
    assert finding.severity.value == "info"


def test_silent_where_both_are_the_same():
    assert findings(repeated_loss_difference=0.0, repeated_fit_difference=0.0) == ()


def test_silent_where_no_fit_was_repeated():
    assert findings(repeated_loss_difference=0.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("not-reproducible", "not measured: repeated_loss_difference")
