from collections.abc import Callable, Sequence

import numpy as np
import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import LoaderFact, LossFact, RunRecord
from defib.records.series import Series
from defib.records.site import Site
from defib.rules.data.label_order import dispersion, label_counts, serial_correlation
from defib.rules.data.label_ordered_batches import LabelOrderedBatches
from defib.testing import make_preflight, make_run

rule = LabelOrderedBatches()
FALLING = list(np.linspace(2.0, 0.1, 60))
Batches = Sequence[np.ndarray]


def run_of(batches: Batches, steps: Sequence[int] | None = None, **others) -> RunRecord:
    classes = int(max(batch.max() for batch in batches)) + 1
    counts = np.stack([np.bincount(batch, minlength=classes) for batch in batches])
    labels = {str(label): Series.of(counts[:, label], steps) for label in range(classes)}
    return make_run(label_count=labels, **others)


def findings(run: RunRecord) -> tuple[Finding, ...]:
    found = rule.evaluate(run)
    return () if isinstance(found, NotEvaluated) else found


def in_order(classes: int, examples: int, batch: int, steps: Sequence[int]) -> Batches:
    """Batches of a sorted data set, over and over again, at `steps`."""
    labels = np.arange(examples) * classes // examples
    starts = [step % (examples // batch) * batch for step in steps]
    return [labels[start : start + batch] for start in starts]


def shuffled(rng: np.random.Generator, classes: int, batch: int) -> np.ndarray:
    return rng.integers(0, classes, batch)


def few_classes(rng: np.random.Generator, classes: int, chosen: int, each: int) -> np.ndarray:
    """A batch of a PK sampler: `each` examples of `chosen` classes."""
    return np.repeat(rng.choice(classes, chosen, replace=False), each)


def imbalanced(rng: np.random.Generator, batch: int) -> np.ndarray:
    return (rng.random(batch) < 0.03).astype(int)


@pytest.mark.parametrize(
    ("classes", "examples", "batch"),
    [(2, 600, 1), (2, 600, 10), (10, 1400, 4), (10, 1400, 16), (10, 5000, 64), (100, 5000, 32)],
)
def test_reports_a_sorted_data_set(classes: int, examples: int, batch: int):
    steps = range(2 * examples // batch)
    [finding] = findings(run_of(in_order(classes, examples, batch, steps), list(steps)))
    assert finding.steps == (0, steps[-1])


def test_reports_one_class_after_the_other_one_example_at_a_time():
    batches = [np.array([0])] * 300 + [np.array([1])] * 300
    assert len(findings(run_of(batches))) == 1


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_reports_irregularly_recorded_steps(classes: int):
    steps = [*range(30), *range(30, 900, 29)]
    batches = in_order(classes, 20000, 32, steps)
    assert len(findings(run_of(batches, steps))) == 1


def test_reports_few_recorded_batches_per_class():
    steps = list(range(30))
    assert len(findings(run_of(in_order(10, 30 * 32, 32, steps), steps))) == 1


HEALTHY: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "single examples": lambda rng: shuffled(rng, 2, 1),
    "pairs": lambda rng: shuffled(rng, 10, 2),
    "small batches": lambda rng: shuffled(rng, 3, 8),
    "large batches": lambda rng: shuffled(rng, 10, 256),
    "many classes": lambda rng: shuffled(rng, 1000, 32),
    "rare class": lambda rng: imbalanced(rng, 8),
    "rare class, single examples": lambda rng: imbalanced(rng, 1),
    "2 of 10 classes": lambda rng: few_classes(rng, 10, 2, 16),
    "1 of 10 classes": lambda rng: few_classes(rng, 10, 1, 32),
    "8 of 100 classes": lambda rng: few_classes(rng, 100, 8, 4),
}


@pytest.mark.parametrize("kind", HEALTHY)
def test_no_false_alarm_in_200_random_orders(kind: str):
    draw = HEALTHY[kind]
    irregular = [*range(20), *np.cumsum(np.arange(2, 42)) + 20]
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        batches = [draw(rng) for _ in irregular]
        alarms += len(findings(run_of(batches, irregular)))
    assert alarms == 0


def test_silent_on_stratified_batches():
    assert findings(run_of([np.repeat(np.arange(10), 4)] * 60)) == ()


def test_silent_on_the_whole_data_set_in_one_batch():
    labels = np.random.default_rng(0).integers(0, 10, 1000)
    assert findings(run_of([labels] * 60)) == ()


def test_silent_on_a_small_drift_in_huge_batches():
    rng = np.random.default_rng(0)
    shares = np.linspace(0.45, 0.55, 60)
    batches = [(rng.random(20000) < share).astype(int) for share in shares]
    assert findings(run_of(batches)) == ()


def test_silent_at_exactly_the_limit_of_the_correlation():
    batches = in_order(2, 600, 10, range(60))
    [finding] = findings(run_of(batches))
    value = finding.evidence["serial_correlation"]
    assert isinstance(value, float)
    assert LabelOrderedBatches(max_correlation=value).evaluate(run_of(batches)) == ()


def test_silent_at_exactly_the_limit_of_the_dispersion():
    batches = in_order(2, 600, 10, range(60))
    [finding] = findings(run_of(batches))
    value = finding.evidence["dispersion"]
    assert isinstance(value, float)
    assert LabelOrderedBatches(max_dispersion=value).evaluate(run_of(batches)) == ()


def test_silent_at_exactly_the_limit_of_the_share():
    run = run_of(in_order(2, 600, 10, range(60)))
    share = dispersion(label_counts(run)).share
    assert LabelOrderedBatches(max_share=share).evaluate(run) == ()
    assert LabelOrderedBatches(max_share=share - 1e-9).evaluate(run) != ()


def test_silent_at_exactly_the_limit_of_the_deviations():
    run = run_of(in_order(2, 600, 10, range(60)))
    deviations = serial_correlation(label_counts(run)).deviations
    assert LabelOrderedBatches(standard_deviations=deviations).evaluate(run) == ()
    assert LabelOrderedBatches(standard_deviations=deviations - 1e-9).evaluate(run) != ()


def test_warns_while_the_loss_falls():
    [finding] = findings(run_of(in_order(2, 600, 10, range(60)), loss=FALLING))
    assert finding.severity is Severity.WARNING


def test_is_an_error_when_the_loss_does_not_fall():
    [finding] = findings(run_of(in_order(2, 600, 10, range(60)), loss=[2.0] * 60))
    assert finding.severity is Severity.ERROR


def test_is_an_error_when_a_low_loss_jumps_at_each_change_of_label():
    losses = np.where(np.arange(60) % 30 == 0, 3.0, 0.05)
    run = run_of(in_order(2, 600, 10, range(60)), loss=losses, loss_kind="cross-entropy")
    [finding] = findings(run)
    assert finding.severity is Severity.ERROR


def test_names_the_loader_that_does_not_shuffle():
    site = Site("train.py", 7)
    loaders = (LoaderFact("DataLoader", batch_size=10, shuffle=False, site=site),)
    batches = in_order(2, 600, 10, range(60))
    [finding] = findings(run_of(batches, facts={"loaders": loaders}))
    assert finding.site == site
    assert "shuffle=True" in finding.remedy


def test_names_the_backward_call_without_a_loader():
    site = Site("train.py", 9)
    losses = (LossFact("SGD", backward_site=site),)
    run = run_of(in_order(2, 600, 10, range(60)), loss=FALLING, facts={"losses": losses})
    [finding] = findings(run)
    assert finding.site == site


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "label-ordered-batches", "not recorded: label_count"
    )


def test_not_evaluated_under_20_batches():
    assert isinstance(rule.evaluate(run_of(in_order(2, 200, 10, range(19)))), NotEvaluated)
    assert len(findings(run_of(in_order(2, 200, 10, range(20))))) == 1


def test_not_evaluated_where_all_labels_are_the_same():
    result = rule.evaluate(run_of([np.zeros(8, int)] * 30))
    assert result == NotEvaluated("label-ordered-batches", "all labels seen are the same")


def test_not_evaluated_with_few_examples_of_other_classes():
    nine = [np.zeros(9, int)] * 28 + [np.ones(9, int)] * 2
    assert isinstance(rule.evaluate(run_of(nine)), NotEvaluated)
    ten = [np.zeros(10, int)] * 28 + [np.ones(10, int)] * 2
    assert not isinstance(rule.evaluate(run_of(ten)), NotEvaluated)


def test_not_evaluated_where_one_batch_alone_is_odd():
    batches = [np.zeros(32, int)] * 29 + [np.ones(32, int)]
    assert isinstance(rule.evaluate(run_of(batches)), NotEvaluated)


def test_not_evaluated_with_two_losses():
    run = run_of(in_order(2, 600, 10, range(60)), loss={"Adam": FALLING, "Adam 2": FALLING})
    assert isinstance(rule.evaluate(run), NotEvaluated)


def test_before_training_batches_of_one_label_only_are_found():
    counts = {"label_count": {"0": [8.0] * 20, "1": [0.0] * 20}}
    record = make_preflight(classes={"": 2.0}, sequences=counts)
    [finding] = rule.evaluate_preflight(record)  # type: ignore[misc]
    assert "All 160 examples of the first 20 batches have the same label" in finding.message


def test_not_judged_before_training_on_one_batch():
    record = make_preflight(label_count={"0": 8.0})
    assert isinstance(rule.evaluate_preflight(record), NotEvaluated)
