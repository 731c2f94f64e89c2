import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import ParameterFact
from defib.rules.initialization.unbroken_symmetry import UnbrokenSymmetry
from defib.testing import DEFAULT_OPTIMIZER, make_run

rule = UnbrokenSymmetry()
FLAT = [1.0] * 60
FALLING = list(np.linspace(1.0, 0.1, 60))


def evaluate(*spread: float, layer: str = "fc1", losses=FLAT, **facts):
    spreads = {"fc1.weight": [0.9] * 4, "fc2.weight": [0.9] * 4} | {f"{layer}.weight": spread}
    return rule.evaluate(make_run(facts=facts, loss=losses, unit_spread=spreads))


def with_parameter(**facts):
    defaults = {"shape": (8, 8), "optimizer": DEFAULT_OPTIMIZER}
    return (ParameterFact("fc1.weight", "fc1", **(defaults | facts)),)


def test_reports_equal_units():
    [finding] = evaluate(0.9, 0.0, 0.0, 0.0)
    assert (finding.layer, finding.steps) == ("fc1", (1, 3))


def test_is_an_error_when_the_training_fails():
    [finding] = evaluate(0.0, 0.0, 0.0)
    assert finding.severity is Severity.ERROR


def test_is_a_warning_while_the_loss_falls():
    [finding] = evaluate(0.0, 0.0, 0.0, losses=FALLING)
    assert finding.severity is Severity.WARNING


def test_silent_at_exactly_the_limit():
    assert evaluate(1e-6, 1e-6, 1e-6) == ()


def test_silent_when_symmetry_breaks():
    assert evaluate(0.0, 0.0, 0.0, 1e-3) == ()


def test_silent_before_patience_is_over():
    assert evaluate(0.9, 0.0, 0.0) == ()


def test_silent_on_zeros():
    assert evaluate(np.nan, np.nan, np.nan) == ()


def test_silent_on_the_last_layer():
    assert evaluate(0.0, 0.0, 0.0, layer="fc2") == ()


def test_silent_on_a_single_unit():
    assert evaluate(0.0, 0.0, 0.0, parameters=with_parameter(shape=(1, 8))) == ()


def test_silent_on_weights_that_are_not_trained():
    assert evaluate(0.0, 0.0, 0.0, parameters=with_parameter(requires_grad=False)) == ()
    assert evaluate(0.0, 0.0, 0.0, parameters=with_parameter(optimizer="")) == ()
    assert evaluate(0.0, 0.0, 0.0, parameters=with_parameter(reached=False)) == ()


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "unbroken-symmetry", "not recorded: unit_spread"
    )
