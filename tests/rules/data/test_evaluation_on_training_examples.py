from typing import Any

import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import LoaderFact
from defib.rules.data.evaluation_on_training_examples import EvaluationOnTrainingExamples
from defib.testing import make_preflight, make_run
from tests.rules.usual_overlap import USUAL_OVERLAP

rule = EvaluationOnTrainingExamples()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_shared_examples_and_a_whole_part_of_the_training_as_information():
    finding = only(findings(shared_examples={"0": 0.02}, compared_examples={"0": 50.0}))
    assert finding.severity.value == "warning"
    finding = only(findings(shared_examples={"0": 1.0}, compared_examples={"0": 50.0}))
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


def in_a_run(*, loaders: tuple[LoaderFact, ...] = (), **places: dict[str, float]):
    """The outcome where each place has the given numbers beside those of a usual run."""
    series: Any = {
        metric: {place: [(USUAL_OVERLAP | given)[metric]] for place, given in places.items()}
        for metric in USUAL_OVERLAP
    }
    return rule.evaluate(make_run(facts={"loaders": loaders, "steps": 400}, **series))


def only(outcome: tuple[Finding, ...] | NotEvaluated) -> Finding:
    assert isinstance(outcome, tuple)
    [finding] = outcome
    return finding


def test_a_run_that_evaluates_examples_of_the_training_is_warned_of():
    finding = only(in_a_run(a={"shared_examples": 0.5}))
    assert (finding.severity, finding.steps) == (Severity.WARNING, (0, 399))
    assert "100 of 200 examples that were evaluated (a)" in finding.message
    assert "43% to 57% of them all" in finding.message
    assert finding.evidence["shared_examples"] == pytest.approx(0.5)


def test_what_is_not_known_of_the_training_is_reckoned_with():
    loader = LoaderFact("DataLoader", batch_size=32, shuffle=True, length=125)
    finding = only(in_a_run(loaders=(loader,), a={"shared_examples": 0.1}))
    # 1,000 of 4,000 examples of the training are known.
    assert finding.evidence["shared_examples"] == pytest.approx(0.4)
    without = only(in_a_run(a={"shared_examples": 0.1, "known_training_examples": 0.25}))
    # 625 of them, before the latest 500, were a quarter of all.
    assert without.evidence["shared_examples"] == pytest.approx(0.1 / (1000 / 2500))


def test_a_run_is_silent_at_exactly_the_limit():
    assert in_a_run(a={"shared_examples": 0.01, "looked_at_pairs": 1e9}) == ()
    assert in_a_run(a={"shared_examples": 0.015, "looked_at_pairs": 1e9}) != ()


def test_a_run_is_silent_where_examples_repeat_by_nature():
    few = {"shared_examples": 0.9, "equal_pairs": 300.0, "looked_at_pairs": 20_000.0}
    assert in_a_run(a=few) == ()
    assert in_a_run(a=few | {"equal_pairs": 0.0, "looked_at_pairs": 500_000.0}) != ()


def test_a_run_is_silent_where_the_whole_training_set_is_evaluated():
    whole = {"shared_examples": 1.0, "compared_examples": 1000.0, "passed_examples": 1000.0}
    assert in_a_run(a=whole | {"evaluated_training_examples": 1.0}) == ()
    in_part = whole | {"passed_examples": 5000.0, "evaluated_training_examples": 0.2}
    assert in_a_run(a=in_part) == ()


def test_a_part_of_the_training_set_is_information_unless_another_place_has_new_examples():
    part = {"shared_examples": 1.0, "evaluated_training_examples": 0.2}
    assert only(in_a_run(a=part)).severity is Severity.INFO
    assert in_a_run(a=part, b={}) == ()


def test_a_leak_is_told_beside_a_place_with_new_examples():
    assert "(a)" in only(in_a_run(a={"shared_examples": 0.5}, b={})).message


def test_where_the_size_of_the_training_set_is_not_known_all_may_be_shared():
    finding = only(in_a_run(a={"shared_examples": 0.2, "latest_training_examples": 5.0}))
    assert finding.severity is Severity.INFO
    assert "15% or more of them all" in finding.message


def test_a_run_with_a_handful_of_examples_is_not_judged():
    reason = "no evaluation of 20 examples was compared"
    outcome = in_a_run(a={"shared_examples": 1.0, "compared_examples": 19.0})
    assert outcome == NotEvaluated("evaluation-on-training-examples", reason)


def test_a_run_is_not_evaluated_without_its_metric():
    outcome = rule.evaluate(make_run(loss=[1.0]))
    assert outcome == NotEvaluated(
        "evaluation-on-training-examples", "not recorded: shared_examples"
    )
