from dataclasses import replace

import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact, ParameterFact
from defib.records.series import Series
from defib.records.site import Site
from defib.rules.optimization.parameter_not_in_optimizer import ParameterNotInOptimizer
from defib.testing import make_preflight, make_run

rule = ParameterNotInOptimizer()
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))
TRAINED = ParameterFact("fc1.weight", "fc1", (4, 4), optimizer="SGD")
FORGOTTEN = ParameterFact("head.weight", "head", (10, 4))


def findings(*parameters, loss=FLAT, loose=None, **facts):
    return rule.evaluate(
        make_run(
            loss=loss, loose_parameter_norm=loose or {}, facts={"parameters": parameters} | facts
        )
    )


def test_an_error_where_the_loss_does_not_fall():
    site = Site("train.py", 12)
    [finding] = findings(TRAINED, FORGOTTEN, optimizers=(OptimizerFact("SGD", "SGD", site=site),))
    assert (finding.severity, finding.layer, finding.site) == (Severity.ERROR, "head", site)
    assert "`head.weight` (40 elements, limit 0)" in finding.message


def test_a_warning_where_the_loss_falls():
    [finding] = findings(TRAINED, FORGOTTEN, loss=DECAY)
    assert finding.severity is Severity.WARNING


def test_lists_three_names_and_counts_the_rest():
    rest = [replace(FORGOTTEN, name=f"head{i}.weight") for i in range(5)]
    [finding] = findings(TRAINED, *rest)
    assert "`head0.weight`, `head1.weight`, `head2.weight` and 2 more" in finding.message


def test_silent_when_all_are_in_the_optimizer():
    assert findings(TRAINED) == ()


def test_silent_about_frozen_parameters():
    assert findings(TRAINED, replace(FORGOTTEN, requires_grad=False)) == ()


def test_silent_about_parameters_that_the_loss_does_not_depend_on():
    assert findings(TRAINED, replace(FORGOTTEN, reached=False)) == ()


@pytest.mark.parametrize(("norms", "is_found"), [([2.0, 2.1, 2.3], False), ([2.0, 2.0], True)])
def test_silent_about_parameters_that_are_updated_by_hand(norms, is_found):
    series = {"loose_parameter_norm": {"head.weight": norms}}
    facts = {"parameters": (TRAINED, FORGOTTEN)}
    assert bool(rule.evaluate(make_run(loss=FLAT, facts=facts, **series))) == is_found


def test_not_evaluated_where_no_optimizer_is_known():
    assert findings(FORGOTTEN) == NotEvaluated(
        "parameter-not-in-optimizer", "no parameter of an optimizer is known"
    )


SECOND = OptimizerFact("SGD 2", "SGD", site=Site("train.py", 30))


def findings_of_second_phase(norms, *, gradients=((SECOND.name, [1.0]),)):
    """Of a second optimiser that steps from step 100 on, after one that has trained the head."""
    steps = [100, 101, 102, 110, 150, 199][: len(norms)]
    run = make_run(
        loss={"SGD": DECAY, SECOND.name: Series.of(FLAT, steps=range(100, 200))},
        total_gradient_norm={"SGD": [1.0], **dict(gradients)},
        loose_parameter_norm={"head.weight": Series.of(norms, steps=steps)},
        facts={
            "parameters": (TRAINED, replace(FORGOTTEN, optimizer="SGD")),
            "optimizers": (OptimizerFact("SGD", "SGD"), SECOND),
        },
    )
    return rule.evaluate(run)


def test_an_optimizer_that_holds_no_gradient_is_named_with_its_own_steps():
    [finding] = findings_of_second_phase([2.0] * 5, gradients=())
    assert (finding.severity, finding.site) == (Severity.ERROR, SECOND.site)
    assert finding.steps == (100, 199)
    assert "`SGD 2` holds none that gets one, since step 100" in finding.message


def test_silent_when_the_second_optimizer_holds_gradients():
    assert findings_of_second_phase([2.0] * 5) == ()


def test_gradients_of_zero_are_none():
    [finding] = findings_of_second_phase([2.0] * 5, gradients=[(SECOND.name, [0.0, 0.0])])
    assert finding.site == SECOND.site
    assert findings_of_second_phase([2.0] * 5, gradients=[(SECOND.name, [0.0, 1e-9])]) == ()


def test_silent_when_the_parameters_move_in_the_second_phase():
    assert findings_of_second_phase([2.0] * 4 + [2.1], gradients=()) == ()


def test_silent_under_five_recorded_steps_without_gradients():
    assert findings_of_second_phase([2.0] * 4, gradients=()) == ()


def test_the_only_optimizer_holds_nothing_that_gets_a_gradient():
    [finding] = findings(FORGOTTEN, loose={"head.weight": [2.0] * 5})
    assert finding.steps == (0, 99)
    assert "`head.weight` (40 elements, limit 0)" in finding.message


def before_the_first_step(**measured):
    facts = {"parameters": (TRAINED, FORGOTTEN)}
    return rule.evaluate_preflight(make_preflight(loss=0.7, facts=facts, **measured))


def test_before_the_first_step_a_warning():
    [finding] = before_the_first_step(named_in_code={"add_param_group": 1.0}, steps_by_hand=1.0)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        ({"named_in_code": {"add_param_group": 2.0}}, "adds parameters to an optimizer later"),
        ({"steps_by_hand": {"": 2.0}}, "changes tensors by their gradients itself"),
    ],
)
def test_information_where_the_running_code_may_update_them_later(measured, reason):
    [finding] = before_the_first_step(**measured)
    assert finding.severity is Severity.INFO
    assert reason in finding.message
