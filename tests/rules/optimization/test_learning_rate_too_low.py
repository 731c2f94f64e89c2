import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.learning_rate_too_low import LearningRateTooLow
from defib.testing import make_preflight, make_run

rule = LearningRateTooLow(max_step=1e-4, max_fall=0.1, min_steps=50)
LABELS = {"0": [50.0], "1": [50.0]}


def noise(seed, size, scale=0.02):
    return np.random.default_rng(seed).normal(0, scale, size)


def flat(seed=0):
    return list(0.693 + noise(seed, 200))


def decay(seed=0):
    return list(0.693 * np.exp(-np.arange(200) / 60) + np.abs(noise(seed, 200)))


def findings(ratios, loss=None, gradient=0.1, rate=1e-6):
    """`ratios`: usual update ratio of each layer; weights have norm 4."""
    names = [f"fc{index + 1}.weight" for index in range(len(ratios))]
    gradients = gradient if isinstance(gradient, list) else [gradient] * len(names)
    return rule.evaluate(
        make_run(
            loss_kind="cross-entropy",
            loss=flat() if loss is None else loss,
            label_count=LABELS,
            learning_rate=[rate] * 5,
            update_ratio={n: [r] * 5 for n, r in zip(names, ratios, strict=True)},
            gradient_norm={n: [g] * 5 for n, g in zip(names, gradients, strict=True)},
            parameter_norm={n: [4.0] * 5 for n in names},
        )
    )


@pytest.mark.parametrize("seed", range(20))
def test_reports_tiny_steps_of_a_flat_run(seed):
    [finding] = findings([2e-6, 3e-6, 4e-6], loss=flat(seed))
    assert (finding.severity, finding.steps) == (Severity.ERROR, (0, 199))


@pytest.mark.parametrize("seed", range(20))
def test_silent_when_the_loss_falls(seed):
    assert findings([2e-6, 3e-6], loss=decay(seed)) == ()


def test_suggests_the_rate_that_makes_healthy_steps():
    [finding] = findings([2e-6, 3e-6, 4e-6], rate=1e-6)
    assert finding.remedy == "Raise the learning rate of `SGD` from 1e-06 to about 0.0003."


def test_silent_at_exactly_the_limit_of_the_step():
    assert len(findings([9.9e-5, 9.9e-5], gradient=1e-4)) == 1
    assert findings([1e-4, 1e-4], gradient=1e-4) == ()


def test_silent_when_the_steps_could_have_lowered_the_loss():
    # 200 steps of gradient 40 times step 2e-6 * 4 can lower a loss of 0.69 by 9 %.
    assert findings([2e-6], gradient=50.0) == ()
    assert len(findings([2e-6], gradient=40.0)) == 1


def test_silent_when_one_layer_moves_as_it_should():
    # Vanishing gradients, not the learning rate, keep the first layer where it is.
    assert findings([2e-7, 1e-3]) == ()


def test_layers_without_a_gradient_do_not_count():
    [finding] = findings([0.0, 3e-6], gradient=[0.0, 0.1])
    assert finding.evidence["update_ratio"] == pytest.approx(3e-6)


def test_silent_when_all_gradients_are_zero():
    assert findings([0.0, 0.0], gradient=0.0) == ()


def test_a_rate_of_zero_is_an_error_at_once():
    [finding] = findings([0.0, 0.0], loss=[0.7] * 3, rate=0.0)
    assert finding.severity is Severity.ERROR
    assert finding.remedy == "Raise the learning rate of `SGD` above 0."


def test_a_rate_of_zero_in_the_first_group_alone_is_no_fault():
    assert findings([0.0, 1e-3], loss=decay(), rate=0.0) == ()


def test_silent_under_fifty_steps():
    assert findings([2e-6], loss=flat()[:49]) == ()


def test_silent_about_fine_tuning_that_was_good_from_the_start():
    assert findings([2e-6], loss=list(0.1 + noise(0, 200))) == ()


def test_not_evaluated_under_ten_losses():
    assert findings([2e-6], loss=[0.7] * 9) == NotEvaluated(
        "learning-rate-too-low", "fewer than 10 finite losses"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=[0.7])) == NotEvaluated(
        "learning-rate-too-low", "not recorded: update_ratio, gradient_norm, parameter_norm"
    )


def before_training(*, own: float, ratio: float, faster: float = 0.5, later: float = 1e-7):
    fits = {name: [1.0, *[end] * 199] for name, end in (("own", own), ("faster", faster))}
    record = make_preflight(
        learning_rate=1e-7,
        later_learning_rate=later,
        first_update_ratio={"hidden.weight": ratio},
        sequences={"fit_loss": fits},
    )
    return rule.evaluate_preflight(record)


def test_reports_before_training_a_rate_that_moves_nothing():
    [finding] = before_training(own=0.999, ratio=1e-8)  # type: ignore[misc]
    assert finding.evidence == {"update_ratio": 1e-8, "learning_rate": 1e-7}
    assert "from 1e-07 to about 0.01" in finding.remedy


def test_silent_before_training_at_the_limits_and_where_a_larger_rate_does_not_help():
    assert before_training(own=0.99, ratio=1e-8) == ()
    assert before_training(own=0.999, ratio=1e-5) == ()
    assert before_training(own=0.999, ratio=1e-8, faster=0.95) == ()


def test_not_judged_before_a_warm_up():
    assert isinstance(before_training(own=0.999, ratio=1e-8, later=1e-3), NotEvaluated)
