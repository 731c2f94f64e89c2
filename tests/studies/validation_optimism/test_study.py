from collections.abc import Mapping
from functools import cache

import pytest

from defib.records.study import Table, Verdict
from defib.studies.image_sets import ImageScale
from defib.studies.tables import table
from defib.studies.validation_optimism import study as validation_optimism
from defib.studies.validation_optimism.gaps import ARMS, EASIER, LEAK
from defib.studies.validation_optimism.study import STUDY, Config, measure
from tests.studies.digit_pictures import random_digits

TINY = Config(
    seeds=2,
    scale=ImageScale(100, 300, 20),
    candidates=2,
    epochs=1,
    gap_images=100,
    gap_validation=100,
    counts=(1, 2),
    sizes=(10, 50),
    draws=20,
)


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(validation_optimism, "images_of", random_digits)
    # Tested with `validation_gaps`; it takes seconds.
    monkeypatch.setattr(validation_optimism, "named_by_check", lambda *_: None)


@cache
def measured(seed: int) -> Mapping[str, Table]:
    return measure(TINY, seed)


def test_the_same_seed_measures_the_same():
    assert measure(TINY, 1)["best"] == measured(1)["best"]
    assert measured(0)["best"] != measured(1)["best"]


def test_every_number_of_networks_and_images_has_its_row():
    best = measured(0)["best"]
    assert best.distinct("k") == (1, 2)
    assert best.distinct("validation_images") == (10, 50)
    promised, fresh = best.numbers("promised"), best.numbers("fresh")
    assert best.numbers("optimism") == pytest.approx(
        [a - b for a, b in zip(promised, fresh, strict=True)]
    )


def test_every_training_is_watched():
    named = measured(0)["watched"].column("training")
    assert named == ("candidate 1", "candidate 2", *(name for name in ARMS if name != LEAK))


def verdicts(**changed: Table) -> dict[str, Verdict]:
    tables = {seed: {**measured(seed), **changed} for seed in (0, 1)}
    return {claim.id: claim.verdict for claim in STUDY.result(TINY, 0, tables).claims}


def best_table(one: float, many: float, many_on_more: float) -> Table:
    rows = [
        (1, 10, 0.8, 0.8, 0.8, one, 0.0),
        (1, 50, 0.8, 0.8, 0.8, 0.0, 0.0),
        (3, 10, 0.8, 0.8, 0.8, many, 0.05),
        (3, 50, 0.8, 0.9, 0.8, many_on_more, 0.05),
    ]
    values = "promised fresh typical optimism independent"
    return table("k validation_images", values, rows)


def test_the_claims_on_the_best_can_hold_and_fail():
    found = verdicts(best=best_table(0.0, 0.03, 0.01))
    for claim in ("grows-with-k", "shrinks-with-size", "less-than-independent", "one-is-fair"):
        assert found[claim] == Verdict.HOLDS
    found = verdicts(best=best_table(0.04, 0.03, 0.06))
    for claim in ("grows-with-k", "shrinks-with-size", "less-than-independent"):
        assert found[claim] == Verdict.FAILS


def gap_table(above: float, is_told: int) -> Table:
    rows = [
        (name, above if arm.is_above else -0.1, 0.9, 0.8, is_told, is_told)
        for name, arm in ARMS.items()
    ]
    return table("reason", "above validation fresh is_told is_told_by_run", rows)


def test_the_claims_on_reasons_can_hold_and_fail():
    found = verdicts(gaps=gap_table(0.05, 1))
    assert found["above-for-five-reasons"] == found["reasons-are-told-apart"] == Verdict.HOLDS
    assert found["defib-run-tells-the-reasons-apart"] == Verdict.HOLDS
    # The others promise as much too much as easier images and a leak.
    assert found["two-reasons-deceive"] == Verdict.FAILS
    found = verdicts(gaps=gap_table(-0.05, 0))
    assert found["above-for-five-reasons"] == found["reasons-are-told-apart"] == Verdict.FAILS
    assert found["defib-run-tells-the-reasons-apart"] == Verdict.FAILS


@pytest.mark.parametrize(
    ("leak", "easier", "verdict"),
    [
        (True, False, Verdict.HOLDS),
        (True, True, Verdict.FAILS),
        (False, False, Verdict.FAILS),
        (None, None, Verdict.UNDECIDED),
    ],
)
def test_the_leak_is_to_be_named_and_the_easier_set_not(
    leak: bool | None, easier: bool | None, verdict: Verdict
):
    checked = table("reason", "is_named rules", [(LEAK, leak, ""), (EASIER, easier, "")])
    assert verdicts(checked=checked)["defib-names-the-leak"] == verdict
