from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.inputs_unlike_targets import InputsUnlikeTargets
from defib.testing import make_preflight

rule = InputsUnlikeTargets()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


NEAR = {"neighbour_agreement": 0.1, "chance_agreement": 0.1, "neighbour_examples": 500.0}


def test_reports_an_agreement_that_chance_explains():
    [finding] = findings(neighbour_excess=2.9, **NEAR)
    assert finding.severity.value == "info"


def test_silent_at_exactly_the_limit():
    assert findings(neighbour_excess=3.0, **NEAR) == ()


def test_not_judged_from_few_examples_or_of_one_label():
    few = {**NEAR, "neighbour_examples": 199.0}
    assert isinstance(findings(neighbour_excess=0.0, **few), NotEvaluated)
    alike = {**NEAR, "chance_agreement": 0.99}
    assert isinstance(findings(neighbour_excess=0.0, **alike), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("inputs-unlike-targets", "not measured: neighbour_excess")
