import math

import pytest

from defib.records.run import OptimizerFact
from defib.records.series import Series
from defib.rules.learning_rate import (
    climbs,
    healthy_rate,
    learning_rates,
    rate_at,
    rate_from,
    rounded,
    usual_over_first_step,
)
from defib.rules.weights import WeightStep
from defib.testing import make_run

RATES = make_run(learning_rate=Series.of([0.1, 0.2, 0.4], [0, 10, 20]))


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (9, 0.1), (10, 0.2), (99, 0.4)])
def test_rate_is_the_one_recorded_last(step, rate):
    assert rate_at(RATES, "SGD", step) == rate


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (1, 0.2), (20, 0.4), (21, 0.4)])
def test_rate_from_is_the_one_recorded_next(step, rate):
    assert rate_from(RATES, "SGD", step) == rate


def test_rate_is_unknown_where_none_was_recorded():
    assert math.isnan(rate_at(make_run(), "SGD", 5))
    assert math.isnan(rate_from(make_run(), "SGD", 5))
    assert len(learning_rates(make_run(), "SGD")) == 0


def test_healthy_rate_scales_the_median_step():
    steps = [WeightStep(0, 0.1, "fc1.weight"), WeightStep(10, 0.2, "fc1.weight")]
    assert healthy_rate(RATES, "SGD", steps, ratio=3e-3) == pytest.approx(3e-3)


def test_healthy_rate_is_unknown_without_a_step_that_moved():
    assert math.isnan(healthy_rate(RATES, "SGD", [WeightStep(0, 0.0, "fc1.weight")], ratio=1.0))


@pytest.mark.parametrize(
    ("hyperparameters", "factor"),
    [({}, 1.0), ({"momentum": 0.9}, 10.0), ({"betas[0]": 0.9, "betas[1]": 0.999}, 0.2)],
)
def test_first_steps_of_momentum_are_small_and_those_of_adam_large(hyperparameters, factor):
    fact = OptimizerFact("SGD", "SGD", hyperparameters=hyperparameters)
    run = make_run(facts={"optimizers": (fact,)})
    assert usual_over_first_step(run, "SGD") == pytest.approx(factor)


def test_climbs_only_where_the_optimizer_maximises():
    assert not climbs(make_run(), "SGD")
    sgd = OptimizerFact("SGD", "SGD", hyperparameters={"maximize": 1.0})
    assert climbs(make_run(facts={"optimizers": (sgd,)}), "SGD")


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.01"), (0.00096, "0.001"), (3.4e-7, "3e-07"), (27.0, "30")]
)
def test_rounded_has_one_significant_digit(value, text):
    assert rounded(value) == text
