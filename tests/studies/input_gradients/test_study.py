from collections.abc import Mapping
from functools import cache

import pytest

from defib.records.study import StudyResult, Table, Verdict
from defib.studies.image_sets import ImageScale
from defib.studies.input_gradients import attacked_digits
from defib.studies.input_gradients.claims import (
    COMPARED_AT,
    PROBABILITY,
    SCORE,
    SIGN,
    SIGN_AWAY,
    SIGNS_AT_RANDOM,
)
from defib.studies.input_gradients.study import STUDY, Config, measure
from defib.studies.tables import table
from tests.studies.digit_pictures import random_digits

TINY = Config(seeds=2, scale=ImageScale(192, 40, 28), epochs=4, targeted=6, steps=40, corners=3)


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attacked_digits, "images_of", random_digits)


@cache
def measured(seed: int) -> Mapping[str, Table]:
    return measure(TINY, seed)


def test_the_same_seed_measures_the_same():
    again = measure(TINY, 1)
    # As text: a number that is none is not equal to itself.
    assert repr(again["towards"]) == repr(measured(1)["towards"])
    assert again["away"] == measured(1)["away"]
    assert again["away"] != measured(0)["away"]


def test_at_distance_zero_all_methods_agree():
    start = measured(0)["towards"].where(distance=0.0)
    assert start.column("method") == (PROBABILITY, SCORE, SIGN)
    assert len(set(start.numbers("probability"))) == 1
    assert measured(0)["reached"].numbers("probability_before") == start.numbers("probability")


def test_every_attack_of_size_zero_leaves_the_accuracy():
    away = measured(0)["away"].where(epsilon=0.0)
    for network in away.distinct("network"):
        assert len(set(away.numbers("accuracy", network=network))) == 1


def test_the_sign_step_is_the_exact_worst_case_of_a_linear_model():
    linear = measured(0)["linear"]
    assert linear.numbers("gap")[0] < 1e-9
    assert linear.numbers("worse") == (0,)


def verdicts(**changed: Table) -> dict[str, Verdict]:
    tables = {seed: {**measured(seed), **changed} for seed in (0, 1)}
    result: StudyResult = STUDY.result(TINY, 0, tables)
    return {claim.id: claim.verdict for claim in result.claims}


def towards(along_probability: float, along_score: float) -> Table:
    rows = (
        (PROBABILITY, COMPARED_AT, along_probability, 1.0),
        (SCORE, COMPARED_AT, along_score, 2.0),
        (SIGN, COMPARED_AT, 0.1, 0.0),
    )
    return table("method distance", "probability score", rows)


def test_the_claims_on_methods_can_hold_and_fail():
    found = verdicts(towards=towards(0.9, 0.5))
    assert found["each-climbs-its-own"] == found["many-steps-beat-one"] == Verdict.HOLDS
    found = verdicts(towards=towards(0.05, 0.5))
    assert found["each-climbs-its-own"] == found["many-steps-beat-one"] == Verdict.FAILS


def test_the_claim_on_distance_fails_where_real_images_are_as_near():
    columns = "probability_before probability_after share distance nearest_image"
    near = table("method", columns, [(PROBABILITY, 0.0, 1.0, 1.0, 3.0, 4.0)])
    far = table("method", columns, [(PROBABILITY, 0.0, 1.0, 1.0, 3.0, 9.0)])
    assert verdicts(reached=near)["moves-little"] == Verdict.FAILS
    assert verdicts(reached=far)["moves-little"] == Verdict.HOLDS
    assert verdicts(reached=far)["probability-rises"] == Verdict.HOLDS


def test_the_claims_on_attacks_fail_where_networks_withstand_them():
    names = attacked_digits.KINDS
    rows = [
        (name, attack, epsilon, 0.9)
        for name in names
        for attack in (SIGN_AWAY, SIGNS_AT_RANDOM)
        for epsilon in (0.0, 0.1, 0.25)
    ]
    found = verdicts(away=table("network attack epsilon", "accuracy", rows))
    for claim in ("softmax-astray", "dense-astray", "direction-not-size"):
        assert found[claim] == Verdict.FAILS


def test_the_exact_claim_fails_for_one_worse_corner():
    rows = [(0.25, 0.0, 1.0, 0.0, 1, 3)]
    worse = table("epsilon", "clean_error error gap worse corners", rows)
    assert verdicts(linear=worse)["worst-case-of-a-linear-model"] == Verdict.FAILS
