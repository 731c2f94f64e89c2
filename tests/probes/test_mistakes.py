"""Each mistake is named first, and its healthy twin raises no alarm."""

import pytest

from defib.checkup import check_up
from defib.records.finding import Severity
from defib.training.seeding import seed_everything
from tests.probes.first_batches import record_of
from tests.probes.mistakes import MISTAKES, Train


def named(train: Train) -> list[str]:
    seed_everything(0)
    checkup = check_up(record_of(train))
    return [each.rule for each in checkup.findings if each.severity is not Severity.INFO]


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_named_first(name: str):
    mistake = MISTAKES[name]
    assert named(mistake.broken)[:1] == [mistake.rule]


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_its_twin_is_silent(name: str):
    assert named(MISTAKES[name].healthy) == []
