import pytest

from defib.records.run import OptimizerFact, ParameterFact
from defib.rules.adaptive import gradient_over_epsilon, is_adaptive
from defib.testing import make_run

ADAM = OptimizerFact("SGD", "Adam", hyperparameters={"eps": 1e-8, "betas[1]": 0.999})
PARAMETERS = (
    ParameterFact("1.weight", "1", (2, 8), optimizer="SGD"),
    ParameterFact("1.bias", "1", (100,), optimizer="SGD", requires_grad=False),
)


def over_epsilon(optimizer=ADAM, parameters=PARAMETERS):
    facts = {"optimizers": (optimizer,), "parameters": parameters}
    return gradient_over_epsilon(make_run(total_gradient_norm=[1.0, 4.0, 8.0], facts=facts), "SGD")


def test_is_the_root_mean_square_over_all_that_is_trained():
    assert over_epsilon() == pytest.approx(4.0 / 4.0 / 1e-8)


def test_zero_where_nothing_divides_or_no_parameter_is_known():
    assert over_epsilon(OptimizerFact("SGD", "SGD", hyperparameters={"momentum": 0.9})) == 0
    assert over_epsilon(parameters=()) == 0


def test_descent_and_an_epsilon_of_zero_are_not_adaptive():
    assert is_adaptive(ADAM)
    assert is_adaptive(OptimizerFact("R", "RMSprop", hyperparameters={"eps": 1e-8, "alpha": 0.99}))
    assert not is_adaptive(OptimizerFact("A", "Adam", hyperparameters={"eps": 0, "betas[1]": 0.9}))
    assert not is_adaptive(OptimizerFact("S", "SGD", hyperparameters={"momentum": 0.9}))
