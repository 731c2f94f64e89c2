from dataclasses import replace

import pytest
import torch

from defib.records.study import StudyResult, Table, Verdict
from defib.studies.image_sets import Images, ImageScale
from defib.studies.normalisation_and_dropout import study as normalisation_and_dropout
from defib.studies.normalisation_and_dropout.arms import (
    ARMS,
    BOTH,
    PLAIN,
    WITH_NORM,
    Config,
    trained,
)
from defib.studies.normalisation_and_dropout.study import STUDY, measure
from tests.studies.digit_images import random_digits

TINY = Config(seeds=2, scale=ImageScale(64, 40, 28), epochs=2, batch_size=16, probe_images=40)


def digits(_name: str, scale: ImageScale, seed: int) -> Images:
    return random_digits(scale, seed)


@pytest.fixture(scope="module")
def measured() -> dict[int, dict[str, Table]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalisation_and_dropout, "images_of", digits)
        return {seed: dict(measure(TINY, seed)) for seed in range(TINY.seeds)}


@pytest.fixture(scope="module")
def result(measured: dict[int, dict[str, Table]]) -> StudyResult:
    return STUDY.result(TINY, 0, measured)


def verdict(result: StudyResult, name: str) -> Verdict:
    [found] = [each.verdict for each in STUDY.claims(result) if each.id == name]
    return found


def test_every_arm_has_every_epoch(result: StudyResult):
    curves = result.tables["curves"]
    assert curves.distinct("arm") == ARMS
    assert curves.numbers("epoch", arm=PLAIN) == (1, 2)


def test_every_learned_parameter_is_in_the_tables(result: StudyResult):
    channels, layers = result.tables["channels"], result.tables["parameters"]
    counts = {arm: len(channels.where(arm=arm)) for arm in WITH_NORM}
    assert tuple(counts.values()) == (226, 227, 227)
    for arm in WITH_NORM:
        assert sum(layers.numbers("channels", arm=arm)) == counts[arm]


def test_removing_no_unit_leaves_the_accuracy(result: StudyResult):
    curves, removal = result.by_seed("curves"), result.by_seed("removal")
    for arm in ARMS:
        intact = removal.numbers("accuracy", arm=arm, removed=0.0)
        assert intact == curves.numbers("test_accuracy", arm=arm, epoch=2)


def test_a_state_of_the_past_is_another_network():
    data = random_digits(TINY.scale, 0)
    done = trained(PLAIN, TINY, data, 0)
    first, last = (done.at(epoch).state_dict() for epoch in (0, 2))
    assert not torch.equal(first["conv1.weight"], last["conv1.weight"])
    assert torch.equal(last["conv1.weight"], done.network.state_dict()["conv1.weight"])


def test_the_same_seed_measures_the_same(
    measured: dict[int, dict[str, Table]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(normalisation_and_dropout, "images_of", digits)
    again = measure(TINY, 1)
    # Which steps are watched depends on the time.
    assert [name for name in again if again[name] != measured[1][name] and name != "watched"] == []
    assert measured[0]["curves"] != measured[1]["curves"]


def test_every_claim_and_picture_is_made(result: StudyResult):
    assert len({claim.id for claim in result.claims}) == len(result.claims) == 14
    assert [chart.name for chart in STUDY.figures(result)] == [
        "curves",
        "differences",
        "violins",
        "co-adaptation",
        "drift",
        "variance-shift",
    ]


def test_the_law_of_the_noise_fails_where_the_variance_is_another(result: StudyResult):
    found = result.by_seed("variance")
    at = found.columns.index("own_noise")
    rows = tuple((*row[:at], 2 * float(str(row[at])), *row[at + 1 :]) for row in found.rows)
    doubled = replace(found, rows=rows)
    wrong = replace(result, tables={**result.tables, "variance-by-seed": doubled})
    assert verdict(wrong, "noise-of-dropout") is Verdict.FAILS


def test_an_arm_that_is_better_by_far_decides_the_order(result: StudyResult):
    def with_accuracies(accuracies: dict[str, float]) -> StudyResult:
        found = result.by_seed("curves")
        at, arm = (found.columns.index(name) for name in ("test_accuracy", "arm"))
        rows = tuple(
            (*row[:at], accuracies[str(row[arm])] + 0.001 * int(str(row[0])), *row[at + 1 :])
            for row in found.rows
        )
        tables = {**result.tables, "curves-by-seed": replace(found, rows=rows)}
        return replace(result, tables=tables)

    falling: dict[str, float] = dict(zip(ARMS, (0.8, 0.9, 0.9, 0.7, 0.6), strict=True))
    assert verdict(with_accuracies(falling), "published-order") is Verdict.HOLDS
    assert verdict(with_accuracies(falling), "both-fall-behind-batch-norm") is Verdict.HOLDS
    assert verdict(with_accuracies(falling | {BOTH: 0.95}), "published-order") is Verdict.FAILS
    assert verdict(with_accuracies(falling), "dropout-helps") is Verdict.FAILS
