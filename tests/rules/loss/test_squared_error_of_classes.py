from __future__ import annotations

import math

import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.rules.loss.squared_error_of_classes import SquaredErrorOfClasses
from defib.testing import make_run

rule = SquaredErrorOfClasses(patience=3)

FLAT = [0.09] * 100
FALLING = [0.09 * 0.96**step for step in range(100)]


def findings(
    means: list[float], deviations: list[float], losses: list[float] = FLAT
) -> tuple[Finding, ...]:
    run = make_run(
        loss_kind="mean-squared-error", loss=losses, target_mean=means, target_std=deviations
    )
    found = rule.evaluate(run)
    assert not isinstance(found, NotEvaluated)
    return found


def one_hot(classes: int, batches: int = 3) -> tuple[list[float], list[float]]:
    share = 1 / classes
    return [share] * batches, [math.sqrt(share * (1 - share))] * batches


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_reports_one_hot_targets_in_a_training_that_fails(classes: int):
    share = 1 / classes
    [finding] = findings(*one_hot(classes), losses=[share * (1 - share)] * 100)
    assert finding.severity is Severity.WARNING
    assert finding.evidence == {"classes": classes}
    assert finding.fixes == ("replace-loss",)


def test_a_remark_where_the_training_learns():
    [finding] = findings(*one_hot(10), losses=FALLING)
    assert finding.severity is Severity.INFO


def test_silent_about_binary_pixels_whose_share_varies():
    means = [0.1, 0.12, 0.09]
    assert findings(means, [math.sqrt(m * (1 - m)) for m in means]) == ()


def test_silent_about_numbers_of_the_same_mean():
    assert findings([0.1] * 3, [0.25] * 3) == ()


def test_silent_about_targets_that_are_all_one_and_about_too_few_batches():
    assert findings([1.0] * 3, [0.0] * 3) == ()
    assert findings(*one_hot(10, batches=2)) == ()


def test_not_evaluated_of_another_loss():
    run = make_run(loss_kind="cross-entropy", loss=FLAT, target_mean=[0.1], target_std=[0.3])
    assert rule.evaluate(run) == NotEvaluated(rule.name(), "the loss is no mean squared error")


def test_two_classes_may_be_a_single_output():
    [finding] = findings(*one_hot(2))
    assert "zeros and ones" in finding.message
    assert "binary_cross_entropy_with_logits" in finding.remedy
