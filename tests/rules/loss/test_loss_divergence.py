import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact
from defib.rules.loss.loss_divergence import LossDivergence
from defib.testing import make_run

rule = LossDivergence(max_growth=2.0, max_peak=1e3)


def noise(seed, size, scale):
    return np.random.default_rng(seed).normal(0, scale, size)


def findings(loss, **facts):
    labels = {"0": [50.0], "1": [50.0]}
    run = make_run(loss_kind="cross-entropy", loss=list(loss), label_count=labels, facts=facts)
    return rule.evaluate(run)


@pytest.mark.parametrize("seed", range(20))
def test_reports_a_loss_that_grew(seed):
    loss = np.r_[np.full(50, 0.7), np.full(150, 3.0)] + noise(seed, 200, 0.05)
    [finding] = findings(loss)
    assert finding.severity is Severity.ERROR
    assert abs(finding.steps[0] - 50) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_silent_when_the_loss_decays_with_spikes(seed):
    loss = 2.3 * np.exp(-np.arange(200) / 60) + np.abs(noise(seed, 200, 0.05))
    loss[[30, 90]] = 5000
    assert findings(loss) == ()


def test_more_growth_is_asked_for_where_no_floor_is_known():
    grown, more = [1.0] * 50 + [10.0] * 50, [1.0] * 50 + [10.1] * 50
    assert rule.evaluate(make_run(loss=grown)) == ()
    assert len(rule.evaluate(make_run(loss=more))) == 1


def test_silent_at_exactly_the_limit():
    assert findings(np.r_[np.full(50, 1.0), np.full(150, 2.0)]) == ()


@pytest.mark.parametrize("seed", range(20))
def test_silent_where_noise_explains_it(seed):
    assert findings(np.abs(noise(seed, 60, 1.0))) == ()


def test_reports_a_peak_that_was_never_made_good():
    loss = np.r_[np.full(50, 1.0), 1001.0, np.full(149, 1.1)]
    [finding] = findings(loss)
    assert finding.evidence["loss_peak"] == 1001


def test_silent_about_a_peak_that_came_back_to_the_start():
    assert findings(np.r_[np.full(50, 1.0), 1e6, np.full(149, 1.0)]) == ()


def test_silent_at_exactly_the_peak():
    assert findings(np.r_[np.full(50, 1.0), 1000.0, np.full(149, 1.1)]) == ()


def test_silent_about_a_loss_that_falls_from_far_above_its_floor():
    targets = {"target_mean": [100.0] * 5, "target_std": [1.0] * 5}
    loss = list(1e4 * np.exp(-np.arange(200) / 50))
    run = make_run(loss=loss, loss_kind="mean-squared-error", **targets)
    assert rule.evaluate(run) == ()


def test_silent_about_losses_that_can_be_negative():
    assert findings(np.r_[-0.5, np.full(50, 0.5), np.full(150, 30.0)]) == ()


def test_several_losses_may_grow_but_not_explode():
    grown, exploded = [1.0] * 50 + [5.0] * 50, [1.0] * 50 + [1e5] * 50
    [finding] = rule.evaluate(make_run(loss={"G": grown, "D": exploded}))
    assert finding.evidence["loss_peak"] == 1e5


def test_reports_a_run_of_which_few_losses_are_finite():
    [finding] = findings([1.0, 1e4, 1e9, np.nan, np.nan, np.nan])
    assert finding.evidence["loss_at_end"] == 1e9


def test_names_an_optimizer_that_maximises():
    sgd = OptimizerFact("SGD", "SGD", hyperparameters={"maximize": 1.0})
    [finding] = findings(np.r_[np.full(50, 0.7), np.full(150, 3.0)], optimizers=(sgd,))
    assert finding.remedy == "Remove `maximize=True` from `SGD`."


def test_not_evaluated_under_ten_losses():
    assert findings([1.0] * 9) == NotEvaluated("loss-divergence", "fewer than 10 finite losses")


def test_not_evaluated_without_losses():
    assert rule.evaluate(make_run()) == NotEvaluated("loss-divergence", "not recorded: loss")
