from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import LossFact
from defib.records.site import Site
from defib.rules.loss.scores_taken_for_probabilities import ScoresTakenForProbabilities
from defib.testing import make_preflight, make_run

rule = ScoresTakenForProbabilities(max_share=0.01)
FLAT = list(2.3 + np.random.default_rng(0).normal(0, 0.01, 100))
DECAY = list(2.3 * np.exp(-np.arange(100) / 20))
LINE = Site("train.py", 8)


def outcome(
    *shares: float,
    kind: str = "cross-entropy",
    loss: Sequence[float] = FLAT,
    versions: Sequence[str] = ("torch", "keras"),
) -> tuple[Finding, ...] | NotEvaluated:
    facts = {
        "losses": (LossFact("SGD", kind, site=LINE),),
        "versions": dict.fromkeys(versions, "3"),
    }
    return rule.evaluate(make_run(facts=facts, loss=loss, prediction_share_outside=shares))


def only(found: tuple[Finding, ...] | NotEvaluated) -> Finding:
    assert isinstance(found, tuple)
    [finding] = found
    return finding


def test_reports_values_outside_at_the_line_of_the_loss():
    finding = only(outcome(0.6, 0.7, 0.8))
    assert (finding.site, finding.steps) == (LINE, (0, 99))
    assert "the cross-entropy takes for probabilities, 70% lie outside" in finding.message


def test_begins_where_the_first_values_lie_outside():
    assert only(outcome(0.0, 0.5, 0.5)).steps[0] == 1


def test_silent_at_exactly_the_limit_of_the_median():
    assert outcome(0.0, 0.01, 0.9) == ()


def test_reports_a_share_above_the_limit():
    assert only(outcome(0.011, 0.011)).rule == "scores-taken-for-probabilities"


def test_an_error_where_the_loss_does_not_fall_and_a_warning_where_it_does():
    assert only(outcome(0.6)).severity is Severity.ERROR
    assert only(outcome(0.6, loss=DECAY)).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cross-entropy", ("`F.cross_entropy`", 'activation="softmax"')),
        ("negative-log-likelihood", ("`F.cross_entropy`", 'activation="softmax"')),
        ("binary-cross-entropy", ("binary_cross_entropy_with_logits", 'activation="sigmoid"')),
    ],
)
def test_the_remedy_fits_the_loss(kind: str, words: tuple[str, str]):
    remedy = only(outcome(0.6, kind=kind)).remedy
    assert "`from_logits=True`" in remedy
    assert all(word in remedy for word in words)


def test_a_fix_is_named_where_one_can_be_tried():
    assert only(outcome(0.6)).fixes == ("replace-loss",)
    assert only(outcome(0.6, versions=["torch"])).fixes == ()


def test_not_evaluated_without_its_metric():
    assert isinstance(rule.evaluate(make_run(loss=FLAT)), NotEvaluated)


def in_preflight(share: float) -> tuple[Finding, ...] | NotEvaluated:
    losses = (LossFact("SGD", "cross-entropy", site=LINE),)
    shares = {"SGD": share}
    return rule.evaluate_preflight(
        make_preflight(facts={"losses": losses}, prediction_share_outside=shares)
    )


def test_an_error_before_the_first_step():
    finding = only(in_preflight(0.6))
    assert (finding.severity, finding.site) == (Severity.ERROR, LINE)


def test_silent_before_the_first_step_at_exactly_the_limit():
    assert in_preflight(0.01) == ()


def test_not_evaluated_before_the_first_step_without_its_metric():
    assert isinstance(rule.evaluate_preflight(make_preflight()), NotEvaluated)
