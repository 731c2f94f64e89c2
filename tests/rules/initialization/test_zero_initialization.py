import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LayerFact, ParameterFact
from defib.rules.initialization.zero_initialization import ZeroInitialization
from defib.testing import DEFAULT_OPTIMIZER, make_run

rule = ZeroInitialization()
FLAT = [1.0] * 60
FALLING = list(np.linspace(1.0, 0.1, 60))
ZERO, MOVED = [0.0] * 5, [0.0, 0.1, 0.3, 0.5, 0.6]


def evaluate(*, norm=MOVED, gradient=MOVED, losses=FALLING, layer="fc1", spread=None, **facts):
    """`layer` starts with `norm`; another layer before or after it is sound."""
    metrics = {"unit_spread": {f"{layer}.weight": spread}} if spread is not None else {}
    sound = [1.0] * 5
    norms = {"fc1.weight": sound, "fc2.weight": sound} | {f"{layer}.weight": norm}
    gradients = {"fc1.weight": sound, "fc2.weight": sound} | {f"{layer}.weight": gradient}
    run = make_run(
        facts=facts, loss=losses, parameter_norm=norms, gradient_norm=gradients, **metrics
    )
    return rule.evaluate(run)


def test_reports_a_layer_that_never_gets_a_gradient():
    [finding] = evaluate(norm=ZERO, gradient=ZERO)
    assert (finding.layer, finding.severity) == ("fc1", Severity.ERROR)
    assert finding.steps == (0, 4)


def test_says_that_a_relu_layer_blocks_itself():
    layers = (LayerFact("fc1", "Linear", activation="relu"), LayerFact("fc2", "Linear", order=1))
    [finding] = evaluate(norm=ZERO, gradient=ZERO, layers=layers)
    assert "blocks itself" in finding.message


def test_reports_units_that_remain_copies_in_a_training_that_fails():
    [finding] = evaluate(losses=FLAT, spread=[np.nan, 0.0, 0.0, 0.0, 0.0])
    assert finding.severity is Severity.ERROR
    assert "copies of one another" in finding.message


@pytest.mark.parametrize(("spread", "count"), [(9e-7, 1), (1e-6, 0)])
def test_limit_of_the_spread(spread: float, count: int):
    assert len(evaluate(losses=FLAT, spread=[np.nan, *[spread] * 4])) == count


def test_tells_of_a_last_layer_that_recovered():
    [finding] = evaluate(layer="fc2")
    assert finding.severity is Severity.INFO
    assert finding.steps == (0, 1)


def test_last_layer_that_recovered_is_no_error_even_if_the_training_fails():
    [finding] = evaluate(layer="fc2", losses=FLAT)
    assert finding.severity is Severity.INFO


def test_tells_of_a_last_layer_whose_output_was_constant():
    run = make_run(
        parameter_norm={"fc1.weight": [1.0] * 5, "fc2.weight": MOVED},
        gradient_norm={"fc1.weight": [1.0] * 5, "fc2.weight": [1.0] * 5},
        prediction_batch_std=[0.0, 0.1, 0.2, 0.3, 0.4],
    )
    assert len(rule.evaluate(run)) == 1


def test_silent_on_a_last_layer_beside_which_another_path_leads():
    run = make_run(
        parameter_norm={"fc1.weight": [1.0] * 5, "fc2.weight": MOVED},
        gradient_norm={"fc1.weight": [1.0] * 5, "fc2.weight": [1.0] * 5},
        prediction_batch_std=[0.5] * 5,
    )
    assert rule.evaluate(run) == ()


def test_silent_on_a_hidden_layer_that_recovered():
    assert evaluate(layer="fc1") == ()


def test_silent_on_a_hidden_layer_with_different_units_in_a_training_that_fails():
    assert evaluate(losses=FLAT, spread=[np.nan, 0.9, 0.9, 0.9, 0.9]) == ()


def test_silent_on_random_weights():
    assert evaluate(norm=[1.0] * 5) == ()


def test_silent_on_a_tiny_norm():
    assert evaluate(norm=[1e-30] * 5, gradient=ZERO) == ()


def test_silent_before_patience_is_over():
    assert evaluate(norm=[0.0, 0.0], gradient=[0.0, 0.0]) == ()


def test_reports_a_blocked_layer_after_three_recorded_steps():
    assert len(evaluate(norm=[0.0] * 3, gradient=[0.0] * 3)) == 1


def test_zeros_that_get_a_gradient_are_not_blocked():
    assert evaluate(norm=ZERO, gradient=[0.0, 0.1, 0.1, 0.1, 0.1]) == ()


def test_silent_on_zeros_whose_gradient_was_not_recorded():
    run = make_run(parameter_norm={"fc1.weight": ZERO}, gradient_norm={"fc2.weight": MOVED})
    assert rule.evaluate(run) == ()


def test_silent_on_a_single_unit_that_recovered():
    parameters = (ParameterFact("fc1.weight", "fc1", (1, 8), optimizer=DEFAULT_OPTIMIZER),)
    spread = [np.nan, 0.0, 0.0, 0.0, 0.0]
    assert evaluate(losses=FLAT, spread=spread, parameters=parameters) == ()


def test_silent_on_zero_biases():
    run = make_run(parameter_norm={"fc1.bias": ZERO}, gradient_norm={"fc1.bias": ZERO})
    assert rule.evaluate(run) == ()


def test_silent_on_frozen_zeros():
    parameters = (ParameterFact("fc1.weight", "fc1", (8, 8), requires_grad=False),)
    assert evaluate(norm=ZERO, gradient=ZERO, parameters=parameters) == ()


def test_only_errors_are_reported_where_there_are_any():
    run = make_run(
        loss=FLAT,
        parameter_norm={"fc1.weight": ZERO, "fc2.weight": MOVED},
        gradient_norm={"fc1.weight": ZERO, "fc2.weight": MOVED},
    )
    assert [finding.layer for finding in rule.evaluate(run)] == ["fc1"]


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "zero-initialization", "not recorded: parameter_norm, gradient_norm"
    )


def test_optimizer_of_the_layer_decides_whether_the_training_fails():
    parameters = (ParameterFact("fc1.weight", "fc1", (8, 8), optimizer=DEFAULT_OPTIMIZER),)
    losses = {DEFAULT_OPTIMIZER: FLAT, "Adam": FLAT}
    spread = [np.nan, 0.0, 0.0, 0.0, 0.0]
    assert evaluate(losses=losses, spread=spread, parameters=parameters) == ()
