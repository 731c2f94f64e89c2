import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Event, LossFact, OptimizerFact, ParameterFact
from defib.records.site import Site
from defib.rules.optimization.clipping_too_tight import ClippingTooTight
from defib.testing import make_run

rule = ClippingTooTight(max_share=0.5, tolerance=1e-3, min_samples=5)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))
CLIPPING = Event("gradient-clipping", 0, {"limit": 0.1}, Site("train.py", 9))


def findings(*norms, loss=FLAT, events=(CLIPPING,)):
    return rule.evaluate(
        make_run(loss=loss, total_gradient_norm=list(norms), facts={"events": events})
    )


def test_reports_a_gradient_that_is_always_clipped():
    [finding] = findings(0.1, 0.1, 0.1, 0.1, 0.1)
    assert (finding.severity, finding.site) == (Severity.ERROR, Site("train.py", 9))
    assert finding.evidence["share_of_steps_clipped"] == 1.0


def test_silent_at_exactly_half_of_the_steps():
    assert findings(0.1, 0.1, 0.1, 0.05, 0.05, 0.05) == ()


def test_silent_while_the_training_learns():
    assert findings(0.1, 0.1, 0.1, 0.1, 0.1, loss=DECAY) == ()


def test_silent_when_all_gradients_are_below_the_limit():
    assert findings(0.05, 0.06, 0.05, 0.06, 0.05) == ()


def test_silent_under_five_recorded_steps():
    assert findings(0.1, 0.1, 0.1, 0.1) == ()


def test_not_evaluated_where_nothing_is_clipped():
    assert findings(0.1, 0.1, 0.1, 0.1, 0.1, events=()) == NotEvaluated(
        "clipping-too-tight", "no gradient was clipped by `torch.nn.utils`"
    )


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run(loss=FLAT)) == NotEvaluated(
        "clipping-too-tight", "not recorded: total_gradient_norm"
    )


def clipped(kind: str, **hyperparameters: float):
    """100 parameters with gradients of norm 0.1: their root mean square is 0.01."""
    optimizer = OptimizerFact(kind, kind, hyperparameters=hyperparameters)
    parameter = ParameterFact("1.weight", "1", (10, 10), optimizer=kind)
    norms = {kind: [0.1, 0.1, 0.1, 0.1, 0.1]}
    facts = {"events": (CLIPPING,), "optimizers": (optimizer,), "parameters": (parameter,)}
    facts["losses"] = (LossFact(kind),)
    return rule.evaluate(make_run(loss={kind: FLAT}, total_gradient_norm=norms, facts=facts))


def test_silent_where_the_optimizer_divides_by_the_size_of_the_gradient():
    assert clipped("Adam", eps=1e-8, **{"betas[1]": 0.999}) == ()
    assert clipped("RMSprop", eps=1e-8, alpha=0.99) == ()
    assert clipped("SGD", momentum=0.9) != ()


def test_reports_gradients_that_are_clipped_to_ten_times_epsilon():
    assert clipped("Adam", eps=1.01e-3, **{"betas[1]": 0.999}) != ()
    assert clipped("Adam", eps=0.99e-3, **{"betas[1]": 0.999}) == ()
