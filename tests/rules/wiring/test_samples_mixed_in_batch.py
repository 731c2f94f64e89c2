from defib.records.finding import NotEvaluated, Severity
from defib.rules.wiring.samples_mixed_in_batch import SamplesMixedInBatch
from defib.testing import make_preflight

rule = SamplesMixedInBatch()


def outcome_of(fraction: float, **metrics: float):
    values = {name: {"": each} for name, each in metrics.items()}
    return rule.evaluate_preflight(make_preflight(mixed_sample_fraction={"": fraction}, **values))


def test_reports_outputs_that_depend_on_other_samples():
    [finding] = outcome_of(0.5, own_sample_fraction=0.0)  # type: ignore[misc]
    assert finding.severity is Severity.ERROR
    assert "its own output does not" in finding.message


def test_silent_where_every_sample_stands_alone():
    assert outcome_of(0.0) == ()


def test_a_graph_of_nodes_is_worth_knowing_only():
    [finding] = outcome_of(0.5, square_input=1.0)  # type: ignore[misc]
    assert finding.severity is Severity.INFO


def test_not_evaluated_without_its_metric():
    assert isinstance(rule.evaluate_preflight(make_preflight()), NotEvaluated)
