from dataclasses import replace

import pytest
import torch

from defib.diagnosis import diagnose
from defib.records.finding import Cause, Finding, Severity
from defib.records.run import RunRecord
from defib.studies.image_sets import ImageScale
from defib.studies.validation_optimism.gaps import (
    ARMS,
    AVERAGED,
    EASIER,
    EASY_DIGITS,
    LEAK,
    NOTHING,
    Gap,
    gap_of,
    parts_of,
    reason_in,
)
from tests.studies.digit_pictures import random_digits

DATA = random_digits("mnist", ImageScale(200, 400, 20), 0)
GAP = Gap(
    reported=0.5,
    in_training_mode=0.6,
    training=0.7,
    validation=0.8,
    fresh=0.8,
    shared=0.0,
    rules=(),
    by_run=NOTHING,
)


def test_the_three_parts_make_the_whole_difference():
    gap = gap_of(AVERAGED, parts_of(AVERAGED, DATA, 100), 0)
    assert gap.lag + gap.mode + gap.examples == pytest.approx(gap.validation - gap.reported)
    assert gap.mode == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"in_training_mode": 0.69}, "lag"),
        ({"in_training_mode": 0.51}, "mode"),
        ({"training": 0.61}, EASIER),
        ({"training": 0.61, "shared": 0.1}, LEAK),
        ({"validation": 0.5}, NOTHING),
    ],
)
def test_the_largest_part_names_the_reason(changed: dict[str, float], reason: str):
    assert replace(GAP, **changed).told == reason


def test_only_the_leak_shares_examples_and_only_easy_digits_are_easier():
    shared = {name: gap_of(name, parts_of(name, DATA, 100), 0).shared for name in (EASIER, LEAK)}
    assert shared[EASIER] == 0.0
    assert shared[LEAK] == pytest.approx(20 / 22)
    labels = parts_of(EASIER, DATA, 100).validation[1]
    assert set(labels.tolist()) == set(EASY_DIGITS)


@pytest.mark.parametrize("arm", ARMS)
def test_fresh_examples_are_in_no_other_part(arm: str):
    parts = parts_of(arm, DATA, 100)
    known = {each.numpy().tobytes() for each in torch.cat([parts.training[0], parts.validation[0]])}
    leaked = {each.numpy().tobytes() for each in parts.fresh[0]} & known
    assert not leaked


@pytest.mark.parametrize(
    ("rule", "reason", "expected"),
    [
        ("evaluation-on-training-examples", "", LEAK),
        ("evaluation-beats-training", "layers of the training", "mode"),
        ("evaluation-beats-training", "other classes", EASIER),
        ("evaluation-beats-training", "easier examples", EASIER),
        ("evaluation-beats-training", "known examples", LEAK),
        ("too-few-epochs", "", NOTHING),
    ],
)
def test_the_reason_of_a_run_is_read_from_its_findings(rule: str, reason: str, expected: str):
    finding = Finding(rule, Severity.INFO, "", (0, 9), evidence={"reason": reason})
    diagnosis = replace(diagnose(RunRecord()), causes=(Cause(finding),))
    assert reason_in(diagnosis) == expected
