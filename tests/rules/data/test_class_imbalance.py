import numpy as np
import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import RunRecord
from defib.rules.data.class_imbalance import ClassImbalance
from defib.testing import make_preflight, make_run

rule = ClassImbalance()
STEPS = 60
RARE = np.resize([1.0, 2.0], STEPS)
"""Examples of the rare class in each batch of 100."""


def run_with(*, rare: np.ndarray = RARE, top=1.0, recognised: float = 0.0, gain=0.0, **others):
    top_share = np.broadcast_to(top, STEPS)
    mix = np.full(STEPS, 0.2) + 0.1 * RARE
    noise = np.resize([0.01, -0.01, 0.0], STEPS)
    return make_run(
        label_count={"0": 100 - rare, "1": rare},
        prediction_top_share=top_share,
        accuracy=1 - rare * (1 - recognised) / 100,
        label_mix_loss=mix,
        **({"loss": mix - gain + noise} | others),
    )


def found(judge: ClassImbalance, run: RunRecord) -> tuple[Finding, ...]:
    findings = judge.evaluate(run)
    assert not isinstance(findings, NotEvaluated)
    return findings


def test_reports_collapse_onto_the_frequent_class():
    [finding] = rule.evaluate(run_with())
    assert finding.steps == (0, 59)
    assert finding.evidence["count_ratio"] == pytest.approx(98.5 / 1.5)


def test_is_a_warning():
    [finding] = rule.evaluate(run_with())
    assert finding.severity is Severity.WARNING


def test_onset_is_the_start_of_the_collapse():
    [finding] = rule.evaluate(run_with(top=np.where(np.arange(STEPS) < 20, 0.6, 1.0)))
    assert finding.steps == (20, 59)


def test_silent_on_imbalance_without_collapse():
    assert rule.evaluate(run_with(top=0.97)) == ()


def test_silent_at_exactly_the_limit_of_the_top_share():
    assert rule.evaluate(run_with(top=0.99)) == ()


def test_silent_on_collapse_of_balanced_classes():
    assert rule.evaluate(run_with(rare=np.full(STEPS, 50.0))) == ()


def test_silent_at_exactly_the_limits_of_imbalance():
    run = run_with(rare=np.ones(STEPS))
    assert ClassImbalance(max_count_ratio=99.0, min_perplexity=0.0).evaluate(run) == ()
    assert len(found(ClassImbalance(max_count_ratio=98.9, min_perplexity=0.0), run)) == 1
    assert len(found(ClassImbalance(max_count_ratio=99.0, min_perplexity=0.6), run)) == 1


def test_silent_where_the_rare_are_recognised():
    assert rule.evaluate(run_with(recognised=0.2)) == ()


def test_silent_on_collapse_onto_a_rare_class():
    run = run_with()
    wrong = make_run(
        label_count=run.of("label_count"),
        prediction_top_share=np.ones(STEPS),
        accuracy=RARE / 100,
        loss=np.ones(STEPS),
    )
    assert rule.evaluate(wrong) == ()


def test_silent_where_probabilities_depend_on_the_input():
    assert rule.evaluate(run_with(gain=0.05)) == ()


@pytest.mark.parametrize(("spread", "count"), [(0.5, 1), (0.51, 0)])
def test_silent_where_the_logits_vary(spread: float, count: int):
    assert len(found(rule, run_with(prediction_batch_std=np.full(STEPS, spread)))) == count


def test_silent_where_the_collapse_is_only_just_beginning():
    late = np.where(np.arange(STEPS) < 50, 0.6, 1.0)
    assert rule.evaluate(run_with(top=late)) == ()


def test_collapse_over_exactly_a_fifth_of_the_run_is_reported():
    late = np.where(np.arange(STEPS) < 48, 0.6, 1.0)
    assert len(found(rule, run_with(top=late))) == 1
    assert rule.evaluate(run_with(top=np.where(np.arange(STEPS) < 49, 0.6, 1.0))) == ()


@pytest.mark.parametrize(("patience", "count"), [(12, 1), (13, 0)])
def test_waits_for_patience(patience: int, count: int):
    late = np.where(np.arange(STEPS) < 48, 0.6, 1.0)
    assert len(found(ClassImbalance(patience=patience), run_with(top=late))) == count


@pytest.mark.parametrize(("recall", "count"), [(0.5, 1), (0.49, 0)])
def test_limit_of_the_recall_itself_is_reported(recall: float, count: int):
    run = run_with(rare=np.full(STEPS, 4.0), recognised=0.5)
    assert len(found(ClassImbalance(max_recall=recall), run)) == count


def test_silent_where_every_example_has_one_class():
    assert rule.evaluate(run_with(rare=np.zeros(STEPS))) == ()


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "class-imbalance", "not recorded: label_count, prediction_top_share, accuracy"
    )


def test_not_evaluated_with_two_losses():
    losses = {"Adam": np.ones(STEPS), "Adam 2": np.ones(STEPS)}
    assert isinstance(rule.evaluate(run_with(loss=losses)), NotEvaluated)


def before(*counts: float):
    sequences = {"label_count": {str(label): [each] for label, each in enumerate(counts)}}
    return ClassImbalance().evaluate_preflight(make_preflight(sequences=sequences))


def test_before_the_first_step_it_is_information():
    [finding] = before(110.0, 10.0)
    assert finding.severity.value == "info"


def test_before_the_first_step_silent_at_exactly_the_limit():
    assert before(100.0, 10.0, 100.0) == ()
