import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Coverage
from defib.rules.optimization.accumulation_not_averaged import AccumulationNotAveraged
from defib.testing import make_run

rule = AccumulationNotAveraged(min_calls=3)
BASELINE = float(np.log(2))
NOISE = np.random.default_rng(0).normal(0, 0.01, 100)


def findings(first, *, calls=4, loss=None):
    losses = [first, *(first + NOISE)] if loss is None else loss
    return rule.evaluate(
        make_run(
            loss=losses,
            loss_kind="cross-entropy",
            label_count={"0": [8] * 5, "1": [8] * 5},
            facts={"coverage": Coverage(backward_calls=calls * len(losses))},
        )
    )


def test_reports_losses_that_add_up():
    [finding] = findings(4 * BASELINE)
    assert finding.severity is Severity.ERROR
    assert "Divide the loss by 4" in finding.remedy


def test_information_while_the_training_learns():
    [finding] = findings(0, loss=list(4 * BASELINE * np.exp(-np.arange(100) / 20)))
    assert finding.severity is Severity.INFO


def test_silent_when_each_loss_is_divided():
    assert findings(BASELINE) == ()


def test_the_limit_is_the_geometric_mean_of_both():
    assert findings(1.99 * BASELINE) == ()
    assert len(findings(2.01 * BASELINE)) == 1


def test_silent_with_two_calls():
    assert findings(2 * BASELINE, calls=2) == ()
    assert len(findings(3 * BASELINE, calls=3)) == 1


def test_not_evaluated_with_several_losses():
    run = make_run(loss={"A": [1.0] * 20, "B": [1.0] * 20})
    assert rule.evaluate(run) == NotEvaluated(
        "accumulation-not-averaged",
        "several losses: calls of `backward` cannot be told apart",
    )
