from fractions import Fraction

from defib.records.architecture import AxisField, ReceptiveField
from defib.records.finding import NotEvaluated, Severity
from defib.rules.architecture.receptive_field_larger_than_input import (
    ReceptiveFieldLargerThanInput,
)
from defib.testing import make_architecture, make_layer

rule = ReceptiveFieldLargerThanInput()


def field(*sizes: int) -> ReceptiveField:
    return ReceptiveField(tuple(AxisField(each, Fraction(1), Fraction(0)) for each in sizes))


def found(*fields: ReceptiveField | None):
    layers = [make_layer(f"conv{i}", "Conv2d", receptive_field=f) for i, f in enumerate(fields)]
    return rule.evaluate_architecture(make_architecture(*layers, inputs=((1, 3, 32, 40),)))


def test_names_the_first_layer_that_sees_further():
    [finding] = found(field(3, 3), field(33, 33), field(65, 65))
    assert (finding.layer, finding.severity) == ("conv1", Severity.INFO)
    assert finding.evidence == {"receptive_field": 33, "input": 32}


def test_silent_at_exactly_the_size_of_the_input():
    assert found(field(32, 40)) == ()


def test_one_axis_is_enough():
    [finding] = found(field(3, 41))
    assert finding.evidence == {"receptive_field": 41, "input": 40}


def test_silent_where_a_layer_sees_everything_by_its_kind():
    assert found(ReceptiveField(is_global=True)) == ()


def test_not_evaluated_without_receptive_fields():
    reason = "no receptive field was worked out"
    assert found(None) == NotEvaluated("receptive-field-larger-than-input", reason)
