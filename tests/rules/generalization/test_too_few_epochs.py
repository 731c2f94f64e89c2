import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.generalization.too_few_epochs import TooFewEpochs
from defib.testing import make_run

rule = TooFewEpochs()
TIME = np.linspace(0, 1, 500)
LINE = 1 - 0.8 * TIME


def findings(losses, **metrics):
    return rule.evaluate(make_run(loss=losses, **metrics))


def test_reports_a_loss_that_falls_in_a_straight_line():
    [finding] = findings(LINE)
    assert finding.steps == (333, 499)
    assert finding.evidence["share_of_fall_in_last_third"] == pytest.approx(1 / 3, abs=0.03)


def test_reports_a_short_training():
    short = np.linspace(2.3, 1.4, 60) + np.random.default_rng(0).normal(0, 0.05, 60)
    assert len(findings(short)) == 1


def test_is_information():
    [finding] = findings(LINE)
    assert finding.severity is Severity.INFO


CURVES = {
    "exponential": np.exp(-3 * TIME),
    "fast exponential": np.exp(-6 * TIME),
    "inverse root": (1 + 500 * TIME) ** -0.5,
    "inverse": 1 / (1 + 50 * TIME),
    "slow power": (1 + 500 * TIME) ** -0.25,
    "logarithm": 1 - 0.1 * np.log(1 + 500 * TIME),
    "flat": np.ones(500),
}


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("curve", CURVES)
def test_no_false_alarm_on_convex_curves(curve: str, noise: float):
    alarms = 0
    for seed in range(100):
        losses = CURVES[curve] + np.random.default_rng(seed).normal(0, noise, 500)
        alarms += len(findings(losses))
    assert alarms == 0


def test_silent_on_a_step_of_the_schedule_before_the_end():
    drop = 0.3 * np.exp(-6 * TIME) + np.where(TIME < 0.85, 0.6, 0.3)
    assert findings(drop) == ()


def test_silent_on_a_fall_that_makes_good_a_rise():
    bump = np.where(TIME < 0.67, 1 + TIME, 1.67 - 3 * (TIME - 0.67))
    assert findings(bump) == ()


def test_limit_itself_is_reported():
    # Faster and faster, so that the last tenth is beyond doubt.
    losses = 1 - 0.8 * TIME**1.5
    [finding] = findings(losses)
    share = finding.evidence["share_of_fall_in_last_third"]
    assert isinstance(share, float)
    assert TooFewEpochs(min_share=share).evaluate(make_run(loss=losses)) != ()
    assert TooFewEpochs(min_share=share + 1e-9).evaluate(make_run(loss=losses)) == ()


def test_silent_where_the_evaluation_loss_rises():
    assert findings(LINE, evaluation_loss={"validation": [0.9, 0.7, 0.8, 0.8, 0.8]}) == ()


def test_reported_where_the_evaluation_loss_falls_too():
    assert len(findings(LINE, evaluation_loss={"validation": [0.9, 0.8, 0.7, 0.6, 0.5]})) == 1


def test_not_evaluated_under_50_steps():
    assert rule.evaluate(make_run(loss=LINE[:49])) == NotEvaluated(
        "too-few-epochs", "fewer than 50 steps"
    )


def test_fifty_steps_suffice():
    assert len(findings(LINE[:50])) == 1


def test_two_evaluations_are_too_few_to_call_them_rising():
    assert len(findings(LINE, evaluation_loss={"validation": [0.5, 0.9]})) == 1


def test_a_rise_of_exactly_the_limit_is_no_rise():
    judge = TooFewEpochs(max_evaluation_rise=0.5)
    run = make_run(loss=LINE, evaluation_loss={"validation": [1.0, 1.5, 1.5, 1.5]})
    assert judge.evaluate(run) != ()
    run = make_run(loss=LINE, evaluation_loss={"validation": [1.0, 1.6, 1.6, 1.6]})
    assert judge.evaluate(run) == ()


def test_not_evaluated_with_two_losses():
    assert isinstance(rule.evaluate(make_run(loss={"a": LINE, "b": LINE})), NotEvaluated)


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated("too-few-epochs", "not recorded: loss")
