import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact
from defib.records.series import Series
from defib.rules.optimization.learning_rate_too_high import LearningRateTooHigh
from defib.testing import make_preflight, make_run

rule = LearningRateTooHigh()
LABELS = {"0": [50.0], "1": [50.0]}
ENTROPY = float(np.log(2))
SAMPLES = [0, 1, 2, 3, 4, 10, 20, 40, 80, 160, 320, 640]
"""The steps that a monitor with a small budget looks at."""


def noise(seed, size, scale=0.02):
    return np.random.default_rng(seed).normal(0, scale, size)


def flat(seed=0, size=1000):
    return ENTROPY + noise(seed, size)


def decay(seed=0, size=1000):
    return ENTROPY * np.exp(-np.arange(size) / 150) + np.abs(noise(seed, size))


def ruined(seed=0):
    """Learns until step 500, jumps to 200, then stays at the loss of a constant."""
    loss = np.r_[decay(seed)[:500], flat(seed + 1, 500)]
    loss[500:506] = [200, 120, 60, 20, 5, 1.5]
    return loss


def raised():
    """Twice the loss of a constant from the second step on."""
    return np.r_[ENTROPY, 2 * flat()]


def findings(loss, ratios, norms=None, steps=None, rates=0.1, **facts):
    """One weight matrix with norm 4 and the given update ratios at `steps` (`SAMPLES`)."""
    steps = SAMPLES if steps is None else steps
    return rule.evaluate(
        make_run(
            loss_kind="cross-entropy",
            loss=list(loss),
            label_count=LABELS,
            learning_rate=Series.of(np.broadcast_to(rates, len(steps)), steps),
            update_ratio={"fc1.weight": Series.of(ratios, steps)},
            parameter_norm={"fc1.weight": Series.of(norms or [4.0] * len(steps), steps)},
            facts=facts,
        )
    )


@pytest.mark.parametrize("seed", range(20))
def test_reports_a_single_step_that_ruins_a_healthy_run(seed):
    [finding] = findings(ruined(seed), [*[0.005] * 11, 0.8, 0.0], steps=[*SAMPLES[:-1], 500, 640])
    assert finding.severity is Severity.ERROR
    assert abs(finding.steps[0] - 500) <= 1
    assert "80% of its norm" in finding.message


@pytest.mark.parametrize("seed", range(20))
def test_reports_a_ruinous_step_that_was_not_recorded(seed):
    # The norm before step 505 is ten times that before step 320.
    norms = [*[4.0] * 11, 40.0, 40.0]
    [finding] = findings(ruined(seed), [*[1e-3] * 11, 0.0, 0.0], norms, [*SAMPLES[:-1], 505, 640])
    assert abs(finding.steps[0] - 500) <= 5
    assert "900% of its norm" in finding.message


@pytest.mark.parametrize("seed", range(20))
def test_reports_a_loss_that_blows_up_in_the_first_steps(seed):
    loss = flat(seed)
    loss[1:20] = 1e4 * np.exp(-np.arange(19) / 2)
    [finding] = findings(loss, [11.0, 0.7, 0.5, 0.3, 0.2, *[0.01] * 7])
    assert finding.steps[0] == 0


def test_reports_large_steps_that_end_above_the_start():
    [finding] = findings(raised(), [0.3, 0.3, 0.3, 0.3, 0.3, *[0.05] * 7])
    assert "above its start" in finding.message


def test_reports_weights_that_stop_moving_after_a_large_step():
    [finding] = findings(flat(), [0.8, *[0.0] * 11])
    assert "stopped moving" in finding.message


def test_a_learning_rate_that_decays_does_not_stop_the_weights():
    metrics = {
        "loss": list(flat()),
        "update_ratio": {"fc1.weight": Series.of([0.3, 0.05, 3e-4], [0, 400, 900])},
        "parameter_norm": {"fc1.weight": Series.of([4.0] * 3, [0, 400, 900])},
        "learning_rate": Series.of([0.1, 0.05, 1e-4], [0, 400, 900]),
    }
    run = make_run(loss_kind="cross-entropy", label_count=LABELS, **metrics)
    assert rule.evaluate(run) == ()


def test_reports_steps_that_stay_large():
    [finding] = findings(flat(), [0.3] * 12)
    assert "still 30%" in finding.message


def test_reports_a_run_that_is_not_finite_after_a_few_steps():
    [finding] = findings([0.7, 50.0, 1e9, *[np.nan] * 9], [3.0, 40.0, 9.0], steps=[0, 1, 2])
    assert finding.steps[0] <= 2


def test_reports_a_run_whose_steps_grow_until_it_is_not_finite():
    loss = np.r_[decay(size=300), [5.0, 1e3, 1e8], [np.nan] * 50]
    [finding] = findings(loss, [0.01, 0.02, 4.0], steps=[0, 160, 301])
    assert 298 <= finding.steps[0] <= 302


def test_silent_about_a_nan_that_no_large_step_brought():
    loss = np.r_[decay(size=300), [np.nan] * 50]
    assert findings(loss, [0.01, 0.02, 0.01], steps=[0, 160, 299]) == ()


@pytest.mark.parametrize("seed", range(50))
def test_silent_when_the_loss_falls_whatever_the_steps(seed):
    assert findings(decay(seed), [0.3] * 12) == ()


@pytest.mark.parametrize("seed", range(50))
def test_silent_about_spikes_that_recover(seed):
    loss = decay(seed)
    loss[[200, 400, 401, 700]] = [30, 300, 100, 20]
    assert findings(loss, [0.3, 0.2, 0.1, *[0.05] * 8, 0.5]) == ()


@pytest.mark.parametrize("seed", range(50))
def test_silent_about_a_flat_run_with_large_first_steps_alone(seed):
    # Adam on wide layers: nothing to learn, and nothing broken by the steps.
    assert findings(flat(seed), [0.29, 0.2, 0.15, 0.12, 0.1, 0.05, *[0.02] * 6]) == ()


@pytest.mark.parametrize("seed", range(20))
def test_silent_about_a_ruined_run_with_small_steps(seed):
    assert findings(ruined(seed), [0.005] * 13, steps=[*SAMPLES[:-1], 500, 640]) == ()


def test_silent_at_exactly_the_limit():
    assert findings(flat(), [0.1] * 12) == ()


def test_a_layer_that_starts_at_zero_is_measured_against_a_usual_one():
    ratios = [np.inf, 1.0, 0.5, 0.33, 0.25, *[0.02] * 7]
    norms = [0.0, 0.01, 0.02, 0.03, 0.04, *[0.3] * 7]
    assert findings(raised(), ratios, norms) == ()


def test_silent_about_several_losses_that_need_not_fall():
    ratios = {"fc1.weight": [0.8] * 100}
    run = make_run(
        loss={"G": list(flat(size=100)), "D": list(flat(size=100))},
        update_ratio=ratios,
        parameter_norm={"fc1.weight": [4.0] * 100},
    )
    assert rule.evaluate(run) == ()


def test_silent_about_an_optimizer_that_maximises():
    sgd = OptimizerFact("SGD", "SGD", hyperparameters={"maximize": 1.0})
    assert findings(raised(), [0.3] * 12, optimizers=(sgd,)) == ()


def test_suggests_a_rate_with_healthy_steps():
    # Steps of 0.1 at 0.1 were ten times the healthy ones.
    ratios = [*[0.1] * 11, 0.8, 0.0]
    [finding] = findings(ruined(), ratios, steps=[*SAMPLES[:-1], 500, 640])
    assert "from 0.1 to about 0.01" in finding.remedy


def test_names_a_learning_rate_that_rose():
    steps = [*SAMPLES[:-1], 501, 640]
    [finding] = findings(ruined(), [*[0.005] * 11, 0.5, 0.0], None, steps, [*[0.1] * 11, 10, 10])
    assert "after the learning rate rose from 0.1 to 10" in finding.message
    assert "from 10 to about 0.1" in finding.remedy


def test_not_evaluated_under_ten_losses():
    assert findings([0.7] * 9, [0.3], steps=[0]) == NotEvaluated(
        "learning-rate-too-high", "fewer than 10 finite losses"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=[0.7])) == NotEvaluated(
        "learning-rate-too-high", "not recorded: update_ratio, parameter_norm"
    )


def before_training(**ends: float):
    fits = {name: [1.0, *[end] * 199] for name, end in ends.items()}
    return rule.evaluate_preflight(make_preflight(learning_rate=0.3, sequences={"fit_loss": fits}))


def test_reports_before_training_a_rate_of_which_a_thirtieth_fits():
    [finding] = before_training(own=1.0, slower=0.1, clipped=1.0)  # type: ignore[misc]
    assert finding.severity is Severity.ERROR
    assert "from 0.3 to 0.01" in finding.remedy


def test_before_training_clipping_that_helps_makes_it_a_warning():
    [finding] = before_training(own=float("inf"), slower=0.1, clipped=0.1)  # type: ignore[misc]
    assert finding.severity is Severity.WARNING
    assert "clip" in finding.remedy


def test_before_training_adam_is_a_witness_only_where_the_loss_rises():
    assert len(before_training(own=3.0, adam=0.1)) == 1  # type: ignore[arg-type]
    assert before_training(own=1.0, slower=1.0, adam=0.1) == ()


def test_silent_before_training_at_the_limit_of_the_fit():
    assert before_training(own=0.95, slower=0.1) == ()
