"""Trials of trainings that are made in Python."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.optim import SGD
from torch.utils.data import DataLoader

from defib.errors import UnknownNameError
from defib.faults.tasks import TUMOURS, set_up
from defib.records.trial import Verdict
from defib.training.setup import TrainingSetup
from defib.verification.setups import compare


def slow(seed: int) -> TrainingSetup:
    return set_up(replace(TUMOURS, optimizer=partial(SGD, lr=1e-5), steps=150), seed)


def test_a_fix_that_helps_is_confirmed():
    assert compare(slow, "raise-learning-rate=10000").verdict is Verdict.CONFIRMED


def test_a_change_that_is_too_small_has_no_effect():
    assert compare(slow, "raise-learning-rate=1.001").verdict is Verdict.NO_EFFECT


def test_a_fix_that_finds_nothing_to_change_is_not_applicable():
    found = compare(slow, "unfreeze")
    assert found.verdict is Verdict.NOT_APPLICABLE
    assert "found nothing" in found.reason


def test_nothing_of_a_fix_is_left_in_torch():
    before = DataLoader.__init__
    compare(lambda seed: set_up(replace(TUMOURS, is_shuffled=False, steps=20), seed), "shuffle")
    assert DataLoader.__init__ is before


def test_an_unknown_fix_is_refused():
    with pytest.raises(UnknownNameError):
        compare(slow, "no-such-fix")


def test_the_callers_random_state_stays():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    compare(slow, "raise-learning-rate=1", seeds=(0,))
    assert torch.equal(torch.get_rng_state(), before)
