from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.data.evaluation_on_training_examples import EvaluationOnTrainingExamples
from defib.testing import make_preflight

rule = EvaluationOnTrainingExamples()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_shared_examples_and_a_whole_part_of_the_training_as_information():
    [finding] = findings(shared_examples={"0": 0.02}, compared_examples={"0": 50.0})
    assert finding.severity.value == "warning"
    [finding] = findings(shared_examples={"0": 1.0}, compared_examples={"0": 50.0})
    assert finding.severity.value == "info"


def test_silent_at_exactly_the_limit():
    assert findings(shared_examples={"0": 0.01}, compared_examples={"0": 50.0}) == ()


def test_silent_over_a_handful_of_examples():
    assert findings(shared_examples={"0": 0.5}, compared_examples={"0": 19.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated(
        "evaluation-on-training-examples", "not measured: shared_examples"
    )
