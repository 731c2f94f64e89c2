import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact
from defib.rules.optimization.extreme_momentum import ExtremeMomentum
from defib.testing import make_preflight, make_run

rule = ExtremeMomentum(max_momentum=0.99, min_decay=0.9)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(loss=FLAT, **settings):
    numbers = {
        name.replace("beta_", "betas[") + "]" * name.startswith("beta"): value
        for name, value in settings.items()
    }
    optimizer = OptimizerFact("SGD", "SGD", hyperparameters=numbers)
    return rule.evaluate(make_run(loss=loss, facts={"optimizers": (optimizer,)}))


def test_reports_betas_the_wrong_way_round():
    [finding] = findings(beta_0=0.999, beta_1=0.9)
    assert finding.severity is Severity.ERROR
    assert finding.remedy == "Use `betas=(0.9, 0.999)`."


def test_reports_a_momentum_with_one_nine_too_many():
    [finding] = findings(momentum=0.999)
    assert "above 0.99" in finding.message


def test_reports_a_second_beta_that_forgets_at_once():
    [finding] = findings(beta_0=0.5, beta_1=0.6)
    assert "below 0.9" in finding.message


def test_information_while_the_training_learns():
    [finding] = findings(momentum=0.999, loss=DECAY)
    assert finding.severity is Severity.INFO


def test_silent_at_exactly_the_limits():
    assert findings(momentum=0.99) == ()
    assert findings(beta_0=0.5, beta_1=0.9) == ()


def test_without_a_second_average_there_is_none_to_judge():
    assert findings(beta_0=0.9, beta_1=0.0) == ()


def test_not_evaluated_without_a_momentum():
    assert findings(momentum=0.0) == NotEvaluated("extreme-momentum", "no optimizer has a momentum")


def before(end: float, **settings: float):
    optimizers = (OptimizerFact("Adam", "Adam", hyperparameters=settings),)
    return ExtremeMomentum().evaluate_preflight(
        make_preflight(
            facts={"optimizers": optimizers},
            sequences={"fit_loss": {"own": [1.0, *[end] * 199]}},
        )
    )


def test_before_the_first_step_swapped_betas_warn_and_others_as_the_fit_is_bad():
    [finding] = before(0.1, **{"betas[0]": 0.999, "betas[1]": 0.9})
    assert finding.severity.value == "warning"
    [finding] = before(0.1, momentum=0.995)
    assert finding.severity.value == "info"
    [finding] = before(0.96, momentum=0.995)
    assert finding.severity.value == "error"
    assert before(0.96, momentum=0.99) == ()
