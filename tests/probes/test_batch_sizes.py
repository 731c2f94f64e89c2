"""A batch too small or too large is named with its cost; its twin is not, and gets further."""

import pytest

from defib.checkup import check_up
from defib.records.finding import Finding
from defib.training.seeding import seed_everything
from tests.probes.batch_sizes import Sized, too_large, too_small
from tests.probes.first_batches import record_of

both = pytest.mark.parametrize("case", [too_small(), too_large()], ids=lambda case: case.rule)


def named(case: Sized, size: int) -> list[Finding]:
    seed_everything(0)
    checkup = check_up(record_of(lambda: case.train(size)))
    return [each for each in checkup.findings if each.rule.startswith("batch-size")]


@both
def test_the_size_is_named(case: Sized):
    [finding] = named(case, case.broken_size)
    assert finding.rule == case.rule
    assert finding.evidence["batch_examples"] == case.broken_size


@both
def test_the_twin_is_silent(case: Sized):
    assert named(case, case.healthy_size) == []


def test_no_larger_batch_is_tried_where_it_may_not_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("defib.probes.example_pool.MOST_SAVED_BYTES", 1000)
    case = too_small()
    record = record_of(lambda: case.train(case.broken_size))
    assert record.not_measured["batch_trial_progress"] == "a batch of 32 may not fit into memory"


@both
def test_after_as_many_examples_it_is_worse_than_its_twin(case: Sized):
    for seed in range(5):
        broken = case.loss_after(case.broken_size, seed)
        assert broken > 1.1 * case.loss_after(case.healthy_size, seed)
