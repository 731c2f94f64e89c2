import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact, OptimizerFact
from defib.records.site import Site
from defib.rules.optimization.missing_zero_grad import MissingZeroGrad
from defib.testing import make_preflight, make_run

rule = MissingZeroGrad(max_ratio=0.1, min_share=0.8, min_samples=3)
NAN = float("nan")
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(*ratios, loss=FLAT, **facts):
    return rule.evaluate(make_run(loss=loss, carried_gradient_ratio=[NAN, *ratios], facts=facts))


def test_reports_a_gradient_that_is_never_set_to_zero():
    [finding] = findings(0.6, 0.8, 0.9, 0.95)
    assert (finding.severity, finding.steps) == (Severity.ERROR, (1, 4))


def test_a_warning_where_the_loss_falls_all_the_same():
    [finding] = findings(0.6, 0.8, 0.9, loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_silent_when_gradients_are_set_to_zero():
    assert findings(0.0, 0.0, 0.0, 0.0) == ()


def test_silent_at_exactly_the_limit():
    assert findings(0.1, 0.1, 0.1) == ()


def test_four_of_five_steps_are_enough_and_fewer_are_not():
    assert len(findings(0.9, 0.9, 0.9, 0.9, 0.0)) == 1
    assert findings(0.9, 0.9, 0.9, 0.0) == ()


def test_a_gradient_that_vanished_altogether_tells_nothing():
    assert len(findings(0.9, 0.9, 0.9, NAN, NAN)) == 1


def test_shows_the_step_and_else_the_backward():
    step, backward = Site("train.py", 20), Site("train.py", 19)
    loss = LossFact("SGD", backward_site=backward)
    [finding] = findings(0.9, 0.9, 0.9, optimizers=(OptimizerFact("SGD", "SGD", step_site=step),))
    assert finding.site == step
    [finding] = findings(0.9, 0.9, 0.9, losses=(loss,))
    assert finding.site == backward


def test_each_optimizer_is_judged_by_itself():
    ratios = {"G": [NAN, 0.0, 0.0, 0.0], "D": [NAN, 0.9, 0.9, 0.9]}
    [finding] = rule.evaluate(make_run(carried_gradient_ratio=ratios))
    assert "`D`" in finding.message


def test_not_evaluated_under_three_steps():
    assert findings(0.9, 0.9) == NotEvaluated("missing-zero-grad", "fewer than 3 recorded steps")


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "missing-zero-grad", "not recorded: carried_gradient_ratio"
    )


def before(**places: float):
    return rule.evaluate_preflight(make_preflight(named_in_code=places))


def test_before_the_first_step_reported_where_no_code_names_it():
    [finding] = before(step=2.0, zero_grad=0.0, grad=0.0)  # type: ignore[misc]
    assert finding.severity.value == "warning"


def test_before_the_first_step_silent_where_any_code_does():
    assert before(step=2.0, zero_grad=1.0, grad=0.0) == ()
    assert before(step=2.0, zero_grad=0.0, grad=1.0) == ()
    assert isinstance(before(step=0.0, zero_grad=0.0, grad=0.0), NotEvaluated)
