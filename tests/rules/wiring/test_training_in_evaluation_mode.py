from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.wiring.training_in_evaluation_mode import TrainingInEvaluationMode
from defib.testing import make_preflight

rule = TrainingInEvaluationMode()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_layers_that_are_switched_off():
    [finding] = findings(idle_modes=3.0)
    assert finding.evidence["layers"] == 3


def test_silent_where_none_is():
    assert findings(idle_modes=0.0) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("training-in-evaluation-mode", "not measured: idle_modes")
