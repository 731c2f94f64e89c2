import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact
from defib.rules.data.unscaled_target import UnscaledTarget
from defib.testing import make_preflight, make_run

rule = UnscaledTarget(max_scale=10.0, min_scale=0.01)
NOISE = np.random.default_rng(0).normal(0, 0.01, 100)


def findings(mean, deviation, *, share=1.0, kind="mean-squared-error"):
    # Losses that stay at `share` of the variance, which is that of a constant prediction.
    level = deviation**2
    losses = level * np.linspace(1.0, share, 100) * (1 + NOISE)
    return rule.evaluate(
        make_run(
            loss=list(losses),
            loss_kind=kind,
            target_mean=[mean] * 10,
            target_std=[deviation] * 10,
        )
    )


def test_reports_targets_in_the_hundreds():
    [finding] = findings(150.0, 70.0)
    assert finding.severity is Severity.ERROR
    assert "(target - 150) / 70" in finding.remedy


def test_reports_tiny_targets():
    [finding] = findings(0.0, 0.001)
    assert "at least 0.01" in finding.message


def test_silent_while_the_training_learns():
    assert findings(150.0, 70.0, share=0.1) == ()


def test_silent_at_exactly_the_limits():
    assert findings(10.0, 10.0) == ()
    assert findings(0.0, 0.01) == ()


def test_silent_for_standardised_targets():
    assert findings(0.0, 1.0) == ()


def test_not_evaluated_for_classes():
    assert findings(150.0, 70.0, kind="cross-entropy") == NotEvaluated(
        "unscaled-target", "no loss of numbers was read"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=[1.0])) == NotEvaluated(
        "unscaled-target", "not recorded: target_mean, target_std"
    )


def before(mean: float, deviation: float, end: float = 0.96):
    return UnscaledTarget().evaluate_preflight(
        make_preflight(
            facts={"losses": (LossFact("SGD", "mean-squared-error"),)},
            target_mean=mean,
            target_std=deviation,
            sequences={"fit_loss": {"own": [1.0, *[end] * 199]}},
        )
    )


def test_before_the_first_step_it_is_as_severe_as_the_fit_is_bad():
    assert [each.severity.value for each in before(10.1, 1.0)] == ["error"]
    assert [each.severity.value for each in before(0.0, 0.009, end=0.1)] == ["info"]


def test_before_the_first_step_silent_at_exactly_the_limits():
    assert before(10.0, 10.0) == ()
    assert before(0.0, 0.01) == ()
