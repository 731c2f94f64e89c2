from collections.abc import Mapping
from dataclasses import replace

import pytest

from defib.records.study import Claim, Table, Verdict
from defib.studies import small_convnet
from defib.studies.silence import TABLE, watched_table
from defib.studies.small_convnet import FULL, QUICK, STUDY, Config, measure
from defib.studies.tables import table
from tests.studies.digit_images import TINY, random_digits

CONFIG = Config(seeds=1, scale=TINY, channels=(2, 2), hidden=4, epochs=2, dropouts=(0.0, 0.5, 0.9))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Table]:
    monkeypatch.setattr(small_convnet, "digits", random_digits)
    return measure(CONFIG, 0)


def judged(accuracies: tuple[float, float, float], end: float, parameters: int) -> dict[str, Claim]:
    """The claims on three seeds that measured nearly this."""

    def of_seed(shift: float) -> dict[str, Table]:
        swept = zip(CONFIG.dropouts, accuracies, strict=True)
        values = "train_loss test_loss test_accuracy"
        return {
            "sweep": table("dropout", values, [(p, 1.0, 1.0, each + shift) for p, each in swept]),
            "epochs": table("epoch", values, [(10, 0.1, 0.1, end + shift)]),
            "size": table("network", "parameters", [("net", parameters)]),
            TABLE: watched_table([("net", ())]),
        }

    measured = {seed: of_seed(0.0001 * seed) for seed in range(3)}
    claims = STUDY.result(replace(QUICK, seeds=3), 0, measured).claims
    return {claim.id: claim for claim in claims}


def verdicts(accuracies: tuple[float, float, float], end: float, parameters: int) -> list[str]:
    claims = judged(accuracies, end, parameters).values()
    return [claim.id for claim in claims if claim.verdict is Verdict.HOLDS]


def test_every_dropout_and_every_epoch_is_measured(tables: Mapping[str, Table]):
    assert tables["sweep"].column("dropout") == CONFIG.dropouts
    assert tables["epochs"].column("epoch") == (1, 2)


def test_only_trainings_without_too_much_dropout_are_counted_as_healthy(
    tables: Mapping[str, Table],
):
    assert tables[TABLE].column("training") == (
        "one epoch, dropout 0",
        "one epoch, dropout 0.5",
        "2 epochs",
    )


def test_what_is_published_makes_every_claim_hold():
    assert len(verdicts((0.98, 0.95, 0.11), 0.9935, 400_000)) == 6


def test_every_claim_but_the_monitors_can_fail():
    assert verdicts((0.8, 0.5, 0.45), 0.98, 2_000_000) == ["defib-is-silent"]


def test_what_is_reached_is_compared_with_both_limits():
    held = verdicts((0.98, 0.95, 0.11), 0.988, 400_000)
    assert "accuracy-asked-for" in held
    assert "published-accuracy" not in held


def test_the_full_version_sweeps_ten_values_on_all_images():
    assert FULL.dropouts == tuple(each / 10 for each in range(10))
    assert (FULL.scale.train_images, FULL.scale.validation_images) == (60_000, 10_000)
