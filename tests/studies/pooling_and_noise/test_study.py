from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from defib.records.study import Table, Verdict
from defib.studies.pooling_and_noise import study as pooling_and_noise
from defib.studies.pooling_and_noise.study import (
    AVERAGE,
    GAUSSIAN,
    MAXIMUM,
    POOLINGS,
    QUICK,
    SPECKS,
    STAGES,
    STRIDE,
    STUDY,
    Config,
    _of_four,
    measure,
)
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table
from tests.studies.digit_images import TINY, random_digits

CONFIG = Config(
    seeds=1, scale=replace(TINY, edge=28), epochs=1, deviations=(0.0, 1.0), shares=(0.0, 0.1)
)


def held(accuracies: Mapping[str, float], passed: Mapping[str, float], four: float) -> set[str]:
    """The claims that hold on three seeds which measured nearly this."""

    def of_seed(shift: float) -> dict[str, Table]:
        rows = [
            (name, kind, strength, value + shift if strength else 0.97 + shift)
            for name, value in accuracies.items()
            for kind, strength in ((GAUSSIAN, 0.0), (GAUSSIAN, 1.0), (SPECKS, 0.1))
        ]
        kept = [(AVERAGE, 0.5 * four, 0.0), (MAXIMUM, 0.70122 * four, 1.0), (STRIDE, four, 0.0)]
        return {
            "accuracy": table("pooling noise strength", "accuracy", rows),
            "change": table(
                "pooling stage",
                "relative_change relative_fluctuation",
                [(name, STAGES[0], value + shift, value) for name, value in passed.items()],
            ),
            "four": table("pooling", "deviation shift", kept),
            TABLE: watched_table([("net", ())]),
        }

    measured = {seed: of_seed(0.0001 * seed) for seed in range(3)}
    claims = STUDY.result(QUICK, 0, measured).claims
    return {claim.id for claim in claims if claim.verdict is Verdict.HOLDS}


def test_every_pooling_meets_every_noise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pooling_and_noise, "digits", random_digits)
    tables = measure(CONFIG, 0)
    assert tables["accuracy"].distinct("pooling") == tuple(POOLINGS)
    assert len(tables["accuracy"]) == 3 * (2 + 2)
    without = tables["accuracy"].where(strength=0.0, pooling=STRIDE).column("accuracy")
    assert without[0] == without[1]
    assert tables["change"].distinct("stage") == STAGES
    assert len(tables[TABLE]) == 3


def test_four_pixels_of_noise_leave_what_theory_says():
    found = {
        name: (spread, shift) for name, spread, shift in _of_four(torch.zeros(1600, 1, 28, 28), 0)
    }
    assert found[AVERAGE] == pytest.approx((0.5, 0.0), abs=0.005)
    assert found[MAXIMUM] == pytest.approx((0.70122, 1.02938), abs=0.005)
    assert found[STRIDE] == pytest.approx((1.0, 0.0), abs=0.01)


def test_pooling_that_helps_as_theory_says_makes_every_claim_hold():
    accuracies = {AVERAGE: 0.9, MAXIMUM: 0.8, STRIDE: 0.7}
    assert len(held(accuracies, {AVERAGE: 0.5, MAXIMUM: 0.7, STRIDE: 1.0}, 1.0)) == 8


def test_pooling_that_harms_makes_its_claims_fail():
    accuracies = {AVERAGE: 0.6, MAXIMUM: 0.8, STRIDE: 0.7}
    found = held(accuracies, {AVERAGE: 0.5, MAXIMUM: 1.1, STRIDE: 1.0}, 1.1)
    assert found == {
        "maximum-against-gaussian",
        "maximum-against-specks",
        "same-without-noise",
        "defib-is-silent",
    }
