import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.activation.saturated_activation import SaturatedActivation
from defib.testing import make_preflight, make_run

rule = SaturatedActivation()
FLAT = [1.0] * 60
FALLING = list(np.linspace(1.0, 0.1, 60))


def findings(*values: float, losses=FLAT):
    return rule.evaluate(make_run(loss=losses, saturated_fraction={"fc1": list(values)}))


def test_reports_layer_that_stays_above_the_limit():
    [finding] = findings(0.1, 0.6, 0.7, 0.8)
    assert (finding.layer, finding.steps) == ("fc1", (1, 3))


def test_is_an_error():
    [finding] = findings(0.6, 0.7, 0.8)
    assert finding.severity is Severity.ERROR


def test_silent_at_exactly_the_limit():
    assert findings(0.5, 0.5, 0.5) == ()


def test_silent_while_the_loss_falls():
    assert findings(0.9, 0.9, 0.9, losses=FALLING) == ()


def test_silent_when_units_recover():
    assert findings(0.9, 0.9, 0.9, 0.1) == ()


def test_silent_before_patience_is_over():
    assert findings(0.1, 0.9, 0.9) == ()


def test_suggests_initialisation_when_units_were_born_saturated():
    [finding] = findings(0.9, 0.9, 0.9)
    assert finding.fixes[0] == "glorot-initialization"


def test_suggests_a_lower_learning_rate_when_units_saturated_later():
    [finding] = findings(0.1, 0.9, 0.9, 0.9)
    assert finding.fixes[0] == "lower-learning-rate"


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "saturated-activation", "not recorded: saturated_fraction"
    )


def before(fraction: float, first: float):
    return SaturatedActivation().evaluate_preflight(
        make_preflight(
            saturated_fraction={"fc1": fraction},
            initial_loss=first,
            constant_prediction_loss=1.0,
            sequences={"fit_loss": {"own": [first, *[0.1] * 199]}},
        )
    )


def test_before_the_first_step_reported_where_the_first_loss_is_far_too_high():
    [finding] = before(0.51, first=2.1)
    assert finding.layer == "fc1"


def test_before_the_first_step_silent_at_the_limit_and_without_harm():
    assert before(0.5, first=2.1) == ()
    assert before(0.51, first=2.0) == ()
