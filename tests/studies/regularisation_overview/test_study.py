from collections.abc import Mapping
from functools import cache

import pytest

from defib.records.study import Table, Verdict
from defib.studies.regularisation_overview.arms import ARMS, BASE, BEYOND, MORE_DATA
from defib.studies.regularisation_overview.claims import ranked
from defib.studies.regularisation_overview.study import STUDY, Config, measure
from defib.studies.summary import tables_of_seeds
from defib.studies.tables import table

TINY = Config(seeds=2, width=10, examples=40, held_out=20, epochs=12, sums=40)


@cache
def measured(seed: int) -> Mapping[str, Table]:
    return measure(TINY, seed)


def test_the_same_seed_measures_the_same():
    assert measure(TINY, 1)["effects"] == measured(1)["effects"]
    assert measured(0)["effects"] != measured(1)["effects"]


def test_effects_are_differences_from_the_base():
    effects = measured(0)["effects"]
    base = effects.where(remedy=BASE)
    assert base.numbers("loss_saved") == base.numbers("accuracy_gained") == (0.0,)
    more = effects.where(remedy=MORE_DATA)
    saved = base.numbers("test_loss")[0] - more.numbers("test_loss")[0]
    assert more.numbers("loss_saved")[0] == pytest.approx(saved)


def test_the_base_is_no_healthy_training():
    assert BASE not in measured(0)["watched"].column("training")
    assert len(measured(0)["watched"].rows) == len(ARMS) - 1


def effects_table(gains: Mapping[str, float], named: int) -> Table:
    rows = [
        (name, 1.0, 0.9, 0.5, gains.get(name, 0.1), gains.get(name, 0.1), named) for name in ARMS
    ]
    values = "train_accuracy test_loss lowest_test_loss loss_saved accuracy_gained"
    return table("remedy", f"{values} is_called_overfitting", rows)


def verdicts(**changed: Table) -> dict[str, Verdict]:
    tables = {seed: {**measured(seed), **changed} for seed in (0, 1)}
    return {claim.id: claim.verdict for claim in STUDY.result(TINY, 0, tables).claims}


def test_the_claims_on_effects_can_hold_and_fail():
    found = verdicts(effects=effects_table({MORE_DATA: 0.2}, 1))
    for claim in ("more-data-helps-most", "dropout-helps", "nothing-done-overfits"):
        assert found[claim] == Verdict.HOLDS
    found = verdicts(effects=effects_table({MORE_DATA: -0.2, "dropout": -0.1}, 0))
    for claim in ("more-data-helps-most", "dropout-helps", "defib-names-overfitting"):
        assert found[claim] == Verdict.FAILS


def test_sums_learnt_by_heart_are_at_chance_or_the_claim_fails():
    columns = "train_accuracy test_accuracy test_loss is_called_overfitting"
    for new, verdict in ((0.5, Verdict.HOLDS), (0.9, Verdict.FAILS)):
        sums = table("questions", columns, [(BEYOND, 1.0, new, 2.0, 1)])
        assert verdicts(sums=sums)["sums-by-heart"] == verdict


def test_the_ranking_begins_with_the_largest_effect():
    tables = tables_of_seeds({0: {"effects": effects_table({MORE_DATA: 0.2, "dropout": -1}, 1)}})
    order = ranked(tables["effects-by-seed"], "accuracy_gained")
    assert (order[0], order[-1]) == (MORE_DATA, "dropout")
