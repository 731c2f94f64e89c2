from defib.records.finding import NotEvaluated
from defib.records.run import LoaderFact
from defib.rules.data.same_batch_every_step import SameBatchEveryStep
from defib.testing import make_run

rule = SameBatchEveryStep(min_samples=6)


def findings(means, *, length: int | None = 45, deviation=1.0, labels=(3.0,) * 6):
    return rule.evaluate(
        make_run(
            loss=[1.0] * 20,
            input_mean={"1": list(means)},
            input_std={"1": [deviation] * len(means)},
            label_count={"0": list(labels)},
            facts={"loaders": (LoaderFact("DataLoader", length=length),)},
        )
    )


def test_reports_a_batch_that_never_changes():
    [finding] = findings([0.25] * 6)
    assert "all 6 recorded steps" in finding.message
    assert finding.evidence["batches"] == 45


def test_silent_when_batches_differ_in_the_last_bit():
    assert findings([0.25] * 5 + [0.25000001]) == ()


def test_silent_when_labels_differ():
    assert findings([0.25] * 6, labels=(3, 3, 3, 3, 3, 4)) == ()


def test_silent_when_there_is_one_batch_only():
    assert findings([0.25] * 6, length=1) == ()
    assert len(findings([0.25] * 6, length=2)) == 1


def test_batches_of_zeros_cannot_be_told_apart():
    assert isinstance(findings([0.0] * 6, deviation=0.0), NotEvaluated)


def test_not_evaluated_under_six_recorded_steps():
    assert findings([0.25] * 5) == NotEvaluated(
        "same-batch-every-step", "inputs and targets have no statistics"
    )


def test_not_evaluated_without_a_loader():
    assert findings([0.25] * 6, length=None) == NotEvaluated(
        "same-batch-every-step", "no data loader with a known number of batches was seen"
    )
