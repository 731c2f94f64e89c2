import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact
from defib.rules.optimization.epsilon_too_large import EpsilonTooLarge
from defib.testing import make_preflight, make_run

rule = EpsilonTooLarge(min_ratio=1.0)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(*, rms, eps=1.0, loss=FLAT, **more):
    # A weight of 8 x 8 elements: its norm is 8 times their root mean square.
    hyperparameters = {"eps": eps, "betas[0]": 0.9, "betas[1]": 0.999} | more
    optimizer = OptimizerFact("SGD", "Adam", hyperparameters=hyperparameters)
    return rule.evaluate(
        make_run(
            loss=loss,
            gradient_norm={"1.weight": [8 * rms] * 4, "2.weight": [4 * rms] * 4},
            facts={"optimizers": (optimizer,)},
        )
    )


def test_reports_an_epsilon_above_all_gradients():
    [finding] = findings(rms=0.01)
    assert finding.severity is Severity.ERROR
    assert finding.evidence["largest_root_mean_square_gradient"] == 0.01


def test_silent_while_the_training_learns():
    assert findings(rms=0.01, loss=DECAY) == ()


def test_silent_at_exactly_the_gradient():
    assert findings(rms=1.0) == ()
    assert len(findings(rms=0.99)) == 1


def test_silent_with_the_usual_epsilon():
    assert findings(rms=0.01, eps=1e-8) == ()


def test_without_any_gradient_there_is_nothing_to_outweigh():
    assert findings(rms=0.0) == ()


def test_not_evaluated_with_gradient_descent():
    run = make_run(loss=FLAT, gradient_norm={"1.weight": [1.0]})
    assert rule.evaluate(run) == NotEvaluated(
        "epsilon-too-large", "no optimizer divides by the size of the gradient"
    )


def before(size: float, eps: float = 1e-3):
    known = make_preflight(gradient_norm={"a.weight": size})
    settings = {"eps": eps, "betas[1]": 0.999}
    facts = {
        "layers": known.facts.layers,
        "parameters": known.facts.parameters,
        "optimizers": (OptimizerFact("SGD", "Adam", hyperparameters=settings),),
    }
    return EpsilonTooLarge().evaluate_preflight(
        make_preflight(
            facts=facts,
            gradient_rms={"a.weight": size},
            sequences={"fit_loss": {"own": [1.0, *[0.96] * 199]}},
        )
    )


def test_before_the_first_step_reported_below_epsilon_and_silent_at_it():
    assert [each.severity.value for each in before(9e-4)] == ["error"]
    assert before(1e-3) == ()
