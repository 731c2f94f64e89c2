from collections.abc import Sequence

import numpy as np

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import MODE_EVENT, Event, LossFact
from defib.records.series import Series
from defib.rules.generalization.evaluation_beats_training import EvaluationBeatsTraining
from defib.testing import make_run

RULE = EvaluationBeatsTraining(min_gap=0.02, min_evaluations=4)
STEPS = list(range(99, 800, 100))
NOISE = np.random.default_rng(0).normal(0, 0.01, 800)
FLAT = 0.5 + NOISE
FALLING = np.exp(-np.arange(800) / 150) + NOISE / 10


def findings(
    losses: Sequence[float],
    evaluations: Sequence[float],
    kinds: str = "",
    rule: EvaluationBeatsTraining = RULE,
) -> tuple[Finding, ...] | NotEvaluated:
    events = (Event(MODE_EVENT, 99, {"modules": 1.0, "kinds": kinds}),)
    evaluation = Series.of(evaluations, steps=STEPS[: len(evaluations)])
    return rule.evaluate(
        make_run(loss=list(losses), evaluation_loss={"a": evaluation}, facts={"events": events})
    )


def message(found: tuple[Finding, ...] | NotEvaluated) -> str:
    assert isinstance(found, tuple)
    [finding] = found
    assert finding.severity is Severity.INFO
    return finding.message


def test_a_mean_over_a_falling_loss_is_no_reason_to_say_anything():
    at_the_end = [float(FALLING[each]) for each in STEPS]
    assert findings(FALLING, at_the_end) == ()


def test_dropout_is_named_where_the_gap_stays():
    assert "With Dropout the network is another" in message(findings(FLAT, [0.3] * 8, "Dropout"))


def test_without_such_layers_the_data_are_the_reason():
    assert "easier, or known" in message(findings(FLAT, [0.3] * 8))


def reason(found: tuple[Finding, ...] | NotEvaluated) -> object:
    assert isinstance(found, tuple)
    [finding] = found
    return finding.evidence["reason"]


def test_the_reason_is_in_the_evidence():
    assert reason(findings(FLAT, [0.3] * 8, "Dropout")) == "layers of the training"
    assert reason(findings(FLAT, [0.3] * 8)) == "easier examples"


def test_silent_at_exactly_the_limit():
    exact = EvaluationBeatsTraining(min_gap=0.25, min_evaluations=4)
    assert findings([1.0] * 800, [0.75] * 8, rule=exact) == ()
    assert findings([1.0] * 800, [0.7499] * 8, rule=exact) != ()


def test_silent_where_the_evaluation_is_worse():
    assert findings(FLAT, [0.6] * 8) == ()


def test_only_the_second_half_counts():
    assert findings(FLAT, [0.3] * 4 + [0.6] * 4) == ()


def test_not_evaluated_under_four_evaluations():
    reason = "3 evaluations were seen, 4 needed"
    assert findings(FLAT, [0.3] * 3) == NotEvaluated("evaluation-beats-training", reason)


def test_not_evaluated_where_the_training_loss_is_a_sum():
    run = make_run(
        loss=list(FLAT),
        evaluation_loss={"a": Series.of([0.1] * 8, steps=STEPS)},
        facts={"losses": (LossFact("SGD", "cross-entropy", reduction="sum"),)},
    )
    reason = "the training loss is no mean over examples"
    assert RULE.evaluate(run) == NotEvaluated("evaluation-beats-training", reason)
