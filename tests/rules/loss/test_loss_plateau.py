import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.loss.loss_plateau import LossPlateau
from defib.testing import make_run

rule = LossPlateau(min_steps=50)
LABELS = {"0": [50.0], "1": [50.0]}
ENTROPY = float(np.log(2))


def noise(seed, size, scale=0.02):
    return np.random.default_rng(seed).normal(0, scale, size)


def findings(loss, **metrics):
    return rule.evaluate(
        make_run(loss_kind="cross-entropy", loss=list(loss), label_count=LABELS, **metrics)
    )


@pytest.mark.parametrize("seed", range(30))
def test_reports_noise_around_the_loss_of_a_constant(seed):
    [finding] = findings(ENTROPY + noise(seed, 200))
    assert (finding.severity, finding.steps) == (Severity.ERROR, (0, 199))


@pytest.mark.parametrize("seed", range(30))
def test_silent_when_the_loss_decays(seed):
    assert findings(ENTROPY * np.exp(-np.arange(200) / 60) + np.abs(noise(seed, 200))) == ()


@pytest.mark.parametrize("seed", range(30))
def test_silent_when_a_slow_loss_still_falls(seed):
    assert findings(ENTROPY * (1 - 0.045 * np.arange(200) / 200) + noise(seed, 200, 0.005)) == ()


def test_silent_when_a_high_loss_still_falls():
    assert findings(50 * np.exp(-np.arange(200) / 100)) == ()


@pytest.mark.parametrize("seed", range(30))
def test_reports_a_high_loss_that_came_down_to_that_of_a_constant_and_stays_there(seed):
    transient = 4 * np.exp(-np.arange(200) / 15)
    [finding] = findings(ENTROPY + transient + noise(seed, 200))
    assert 40 < finding.steps[0] < 90
    assert f"since step {finding.steps[0]}" in finding.message


@pytest.mark.parametrize("seed", range(30))
def test_silent_when_a_high_loss_falls_on_below_that_of_a_constant(seed):
    transient = 4 * np.exp(-np.arange(200) / 15)
    slow = ENTROPY * (1 - 0.06 * np.arange(200) / 200)
    assert findings(slow + transient + noise(seed, 200, 0.005)) == ()


def test_silent_when_a_high_loss_came_down_late():
    loss = ENTROPY + np.maximum(0.0, 4 - 4 * np.arange(200) / 120)
    assert findings(loss + noise(0, 200)) == ()


def test_silent_about_a_training_that_was_good_from_the_start():
    assert findings(0.1 + noise(0, 200, 0.01)) == ()


def test_reports_since_the_jump_of_a_run_that_was_ruined():
    loss = np.r_[ENTROPY * np.exp(-np.arange(500) / 100), ENTROPY + noise(0, 500)]
    [finding] = findings(loss)
    assert abs(finding.steps[0] - 500) <= 1


def test_a_fall_of_five_percent_is_no_plateau_and_less_is():
    assert findings(np.r_[np.full(10, ENTROPY), np.full(190, 0.949 * ENTROPY)]) == ()
    [finding] = findings(np.r_[np.full(10, ENTROPY), np.full(190, 0.951 * ENTROPY)])
    assert finding.steps == (0, 199)


def test_says_how_much_of_the_fluctuation_is_the_label_mix():
    mix = ENTROPY + noise(1, 200)
    [finding] = findings(mix + noise(2, 200, 0.003), label_mix_loss=list(mix))
    assert finding.evidence["share_explained_by_label_mix"] == pytest.approx(0.98, abs=0.01)
    assert "98% of its fluctuation" in finding.message
    assert "the output hardly depends on the input" in finding.message


def test_does_not_call_the_output_constant_where_the_mix_explains_little():
    mix = ENTROPY + noise(1, 200)
    [finding] = findings(mix + noise(2, 200), label_mix_loss=list(mix))
    assert "hardly depends" not in finding.message


def test_says_that_a_constant_loss_does_not_fluctuate():
    [finding] = findings(np.full(200, ENTROPY), label_mix_loss=[ENTROPY] * 200)
    assert "does not fluctuate at all" in finding.message


def test_not_evaluated_under_fifty_steps():
    assert findings(ENTROPY + noise(0, 49)) == NotEvaluated("loss-plateau", "fewer than 50 steps")


def test_not_evaluated_where_the_floor_is_not_known():
    run = make_run(loss=[0.7] * 100)
    assert rule.evaluate(run) == NotEvaluated(
        "loss-plateau", "the loss of a constant prediction is not known"
    )


def test_not_evaluated_with_several_optimizers():
    run = make_run(loss={"G": [0.7] * 100, "D": [0.7] * 100})
    assert rule.evaluate(run) == NotEvaluated(
        "loss-plateau", "several optimizers: their losses need not fall"
    )


def test_not_evaluated_without_losses():
    assert rule.evaluate(make_run()) == NotEvaluated("loss-plateau", "not recorded: loss")
