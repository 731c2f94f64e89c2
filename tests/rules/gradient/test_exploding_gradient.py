import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.gradient.exploding_gradient import ExplodingGradient
from defib.testing import make_preflight, make_run

rule = ExplodingGradient(max_growth=1e3, max_norm=1e3, max_ratio=70)
LABELS = {"0": [50.0], "1": [50.0]}


def noise(seed, size, scale=0.02):
    return np.random.default_rng(seed).normal(0, scale, size)


def flat(seed=0):
    return list(0.693 + noise(seed, 100))


def decay(seed=0):
    return list(0.693 * np.exp(-np.arange(100) / 20) + np.abs(noise(seed, 100)))


def findings(norms, loss=None, **metrics):
    return rule.evaluate(
        make_run(
            loss_kind="cross-entropy",
            loss=flat() if loss is None else loss,
            total_gradient_norm=norms,
            label_count=LABELS,
            **metrics,
        )
    )


def test_reports_a_norm_that_grew_in_a_run_that_fails():
    [finding] = findings([1.0] * 20 + [5e3, 20.0])
    assert (finding.severity, finding.steps) == (Severity.WARNING, (20, 21))


def test_silent_at_exactly_the_limit():
    assert findings([1.0] * 20 + [1e3]) == ()


@pytest.mark.parametrize("seed", range(20))
def test_silent_when_the_loss_falls_all_the_same(seed):
    assert findings([1.0] * 20 + [5e4], loss=decay(seed)) == ()


def test_a_first_step_that_explodes_is_measured_against_the_step_before():
    [finding] = findings([0.5, 1e5, 2e5, 1e5, 1e5, 1e5])
    assert finding.steps[0] == 1


def test_infinite_norms_of_skipped_steps_do_not_count():
    assert findings([1.0, 1.0, np.inf, np.nan, 1.0]) == ()


def test_reports_a_norm_that_is_huge_from_the_start():
    falling = list(2e4 * np.exp(-np.arange(100) / 30) + 50)
    [finding] = findings([2e4] * 5, loss=falling)
    assert finding.steps[0] == 0
    assert finding.fixes[0] == "he-initialization"


def test_silent_at_exactly_the_limit_of_the_start():
    entropy = float(np.log(2))
    assert findings([1e3 * entropy] * 5) == ()


def test_a_gradient_that_is_huge_before_any_step_counts_though_the_network_dies_of_it():
    norms = [2e3, 5e4, *[0.1] * 20]
    layers = {"fc1.weight": [800.0, *[0.1] * 21], "fc2.weight": [900.0, *[0.1] * 21]}
    [finding] = findings(norms, gradient_norm=layers)
    assert (finding.severity, finding.steps[0]) == (Severity.ERROR, 0)


def test_weights_of_the_last_layer_alone_are_no_signal_that_grew():
    layers = {"fc1.weight": [2e3, *[0.1] * 21], "fc2.weight": [20.0, *[0.1] * 21]}
    assert findings([2e3, *[20.0] * 21], gradient_norm=layers) == ()


def test_of_several_layers_a_last_one_with_little_gradient_is_alone_to_blame():
    gradients = {"fc1.weight": [80.0] * 5, "fc2.weight": [60.0] * 5, "fc3.weight": [1.0] * 5}
    assert findings([100.0] * 5, gradient_norm=gradients) == ()
    gradients |= {"fc2.weight": [9.0] * 5}
    assert len(findings([100.0] * 5, gradient_norm=gradients)) == 1


def test_reports_a_first_layer_with_far_more_gradient_than_the_last():
    gradients = {"fc1.weight": [80.0] * 5, "fc2.weight": [1.0] * 5}
    [finding] = findings([80.0] * 5, gradient_norm=gradients)
    assert finding.layer == "fc1"


def test_silent_at_exactly_the_ratio():
    gradients = {"fc1.weight": [70.0] * 5, "fc2.weight": [1.0] * 5}
    assert findings([70.0] * 5, gradient_norm=gradients) == ()


def test_silent_about_losses_that_need_not_fall():
    losses, norms = {"G": flat(), "D": flat()}, {"G": [1.0] * 9 + [1e5], "D": [1.0] * 10}
    assert rule.evaluate(make_run(loss=losses, total_gradient_norm=norms)) == ()


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=flat())) == NotEvaluated(
        "exploding-gradient", "not recorded: total_gradient_norm"
    )


def before(norm: float, own: float, *, clipped: float = 0.1, clips: float = 0.0):
    losses = {"own": [2.0, *[own] * 199], "clipped": [2.0, *[clipped] * 199]}
    return ExplodingGradient().evaluate_preflight(
        make_preflight(
            gradient_norm={"a.weight": norm},
            constant_prediction_loss=1.0,
            named_in_code={"clip_grad_norm_": clips, "clip_grad_value_": 0.0},
            sequences={"fit_loss": losses},
        )
    )


def test_before_the_first_step_reports_a_norm_that_only_clipping_mends():
    [finding] = before(101.0, 2.0)
    assert finding.severity.value == "error"
    [finding] = before(21.0, float("inf"))
    assert finding.severity.value == "error"


def test_before_the_first_step_it_is_information_where_the_script_clips():
    [finding] = before(101.0, 2.0, clips=2.0)
    assert finding.severity.value == "info"


def test_before_the_first_step_silent_at_the_limits_and_where_nothing_mends_it():
    assert before(100.0, 2.0) == ()
    assert before(20.0, float("inf")) == ()
    assert before(101.0, 1.9) == ()
    assert before(101.0, 2.0, clipped=1.95) == ()
