"""Other seeds for a script that sets its own, and fixed ones for one that does not."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from defib.discovery.random_state import randomness_restored
from defib.script.seed_shift import SeedShift


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def seeded(seed: int) -> tuple[float, float, float]:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return drawn()


def shifted(shift: int, seed: int | None) -> tuple[float, float, float]:
    seeds = SeedShift(shift)
    seeds.start()
    try:
        return drawn() if seed is None else seeded(seed)
    finally:
        seeds.stop()


@pytest.fixture(autouse=True)
def _same_randomness_afterwards():
    with randomness_restored():
        yield


def test_a_seed_is_shifted_in_all_three_libraries():
    assert shifted(2, seed=40) == seeded(42)


def test_without_a_shift_the_script_has_its_own_seed():
    assert shifted(0, seed=40) == seeded(40)


def test_a_script_without_seeds_gets_the_same_numbers_each_time():
    assert shifted(1, seed=None) == shifted(1, seed=None)
    assert shifted(1, seed=None) != shifted(2, seed=None)


def test_the_functions_are_put_back():
    before = random.seed, np.random.seed, torch.manual_seed, torch.random.manual_seed
    shifted(3, seed=1)
    assert (random.seed, np.random.seed, torch.manual_seed, torch.random.manual_seed) == before
