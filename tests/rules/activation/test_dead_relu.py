from defib.records.finding import NotEvaluated, Severity
from defib.rules.activation.dead_relu import DeadReLU
from defib.testing import make_preflight, make_run

rule = DeadReLU(max_fraction=0.4, patience=3)


def findings(*values: float):
    return rule.evaluate(make_run(dead_unit_fraction={"fc1": list(values)}))


def test_reports_layer_that_stays_above_the_limit():
    [finding] = findings(0.1, 0.5, 0.6, 0.9)
    assert (finding.layer, finding.steps) == ("fc1", (1, 3))


def test_silent_at_exactly_the_limit():
    assert findings(0.4, 0.4, 0.4) == ()


def test_silent_when_units_recover():
    assert findings(0.9, 0.9, 0.9, 0.1) == ()


def test_silent_before_patience_is_over():
    assert findings(0.1, 0.9, 0.9) == ()


def test_is_an_error_when_the_layer_is_blocked():
    [finding] = findings(0.1, 1.0, 1.0, 1.0)
    assert finding.severity is Severity.ERROR


def test_is_information_where_the_training_succeeds():
    losses = [1.0 - 0.009 * step for step in range(100)]
    run = make_run(dead_unit_fraction={"fc1": [0.7] * 5}, loss=losses)
    [finding] = rule.evaluate(run)
    assert finding.severity is Severity.INFO


def test_suggests_initialisation_when_units_were_born_dead():
    [finding] = findings(0.9, 0.9, 0.9)
    assert finding.fixes[0] == "he-initialization"


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "dead-relu", "not recorded: dead_unit_fraction"
    )


def at_first_batch(fraction: float):
    record = make_preflight(dead_unit_fraction_at_start={"fc1": fraction})
    return rule.evaluate_preflight(record)


def test_reports_before_training_a_layer_that_passes_nothing_on():
    [finding] = at_first_batch(0.95)  # type: ignore[misc]
    assert finding.severity is Severity.ERROR


def test_silent_before_training_where_some_units_are_active():
    assert at_first_batch(0.94) == ()
