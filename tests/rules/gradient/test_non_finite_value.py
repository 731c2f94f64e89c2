import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Event
from defib.records.site import Site
from defib.rules.gradient.non_finite_value import NonFiniteValue
from defib.testing import make_preflight, make_run

rule = NonFiniteValue(patience=3)
NAN = float("nan")
HEALTHY = list(2.3 * np.exp(-np.arange(100) / 20))


def findings(loss, *events):
    return rule.evaluate(make_run(loss=loss, facts={"events": events}))


def non_finite(step, **detail):
    return Event("non-finite", step, detail, Site("train.py", 41))


def test_reports_losses_that_stay_nan():
    [finding] = findings([*HEALTHY, NAN, NAN, NAN])
    assert (finding.severity, finding.steps) == (Severity.ERROR, (100, 102))


def test_two_bad_losses_at_the_end_are_a_warning():
    [finding] = findings([*HEALTHY, NAN, np.inf])
    assert finding.severity is Severity.WARNING


def test_reports_a_run_that_never_had_a_finite_loss():
    [finding] = findings([NAN, NAN])
    assert (finding.severity, finding.steps[0]) == (Severity.ERROR, 0)


def test_silent_when_all_losses_are_finite():
    assert findings(HEALTHY) == ()


def test_warns_of_a_single_loss_that_recovered():
    [finding] = findings([*HEALTHY[:50], np.inf, *HEALTHY[51:]])
    assert (finding.severity, finding.steps) == (Severity.WARNING, (50, 50))


def test_a_parameter_that_is_not_finite_is_an_error():
    [finding] = findings(HEALTHY, non_finite(70, where="parameter", layer="fc2"))
    assert (finding.severity, finding.layer) == (Severity.ERROR, "fc2")


def test_names_the_place_that_the_monitor_found():
    event = non_finite(
        100, where="activation", phase="forward", layer="fc2", operation="LogBackward0"
    )
    [finding] = findings([*HEALTHY, NAN, NAN, NAN], event)
    assert "activation of `fc2` (forward, `LogBackward0`)" in finding.message
    assert "log_softmax" in finding.remedy
    assert finding.site is not None
    assert finding.site.line == 41


def test_blames_the_data_where_the_input_is_not_finite():
    event = non_finite(0, where="input", layer="fc1", operation="AddmmBackward0")
    [finding] = findings([NAN] * 20, event)
    assert finding.remedy.startswith("Clean the data")


def test_silent_about_steps_that_the_gradient_scaler_skipped():
    skipped = Event("skipped-step", 3, {})
    losses = [*HEALTHY[:3], np.inf, *HEALTHY[4:]]
    assert findings(losses, skipped, non_finite(3, where="loss")) == ()


def test_silent_about_a_gradient_that_reached_nothing():
    assert findings(HEALTHY, non_finite(12, where="gradient", layer="fc1")) == ()


def test_a_skipped_step_does_not_hide_what_came_later():
    skipped = Event("skipped-step", 0, {})
    [finding] = findings([NAN, *HEALTHY, NAN, NAN, NAN], skipped)
    assert finding.steps == (101, 103)


def test_a_run_that_only_skips_is_an_error():
    skipped = [Event("skipped-step", step, {}) for step in range(5)]
    [finding] = findings([NAN] * 5, *skipped)
    assert finding.severity is Severity.ERROR


def test_not_evaluated_without_losses():
    assert rule.evaluate(make_run()) == NotEvaluated("non-finite-value", "not recorded: loss")


def test_before_training_bad_numbers_are_found_where_they_come_from():
    shares = {"inputs": 0.25, "targets": 0.0}
    record = make_preflight(loss=float("nan"), non_finite_fraction=shares)
    [finding] = rule.evaluate_preflight(record)  # type: ignore[misc]
    assert "25.00% of the numbers in the inputs" in finding.message


def test_before_training_a_loss_that_is_no_number_is_found():
    [finding] = rule.evaluate_preflight(make_preflight(loss=float("inf")))  # type: ignore[misc]
    assert "The loss of the first batch is inf" in finding.message
    assert rule.evaluate_preflight(make_preflight(loss=2.0)) == ()
