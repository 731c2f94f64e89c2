"""True for every healthy training."""

import pytest
import torch

from defib.healthy.base import all_healthy_trainings, kind_of, kinds

TRAININGS = all_healthy_trainings()
CHEAP = (
    "thirty-steps",
    "lbfgs-regression",
    "regression",
    "sparse-embedding",
    "policy-gradient",
    "two-hidden-adagrad",
    "ink-frozen",
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_are_at_least_150():
    assert len(TRAININGS) >= 150


def test_each_belongs_to_one_kind():
    assert {kind_of(name) for name in TRAININGS} == set(kinds())


def test_the_same_seed_begins_with_the_same_error():
    first, second = (TRAININGS["regression"].begin(3).error() for _ in range(2))
    assert first == second
    assert first != TRAININGS["regression"].begin(4).error()


def learns(name: str, seed: int) -> bool:
    training = TRAININGS[name]
    training.prepare(seed)
    live = training.begin(seed)
    before = live.error()
    live.train()
    return live.error() <= training.max_ratio * before


@pytest.mark.parametrize("name", CHEAP)
def test_a_cheap_one_lowers_its_own_error(name: str):
    assert learns(name, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_each_lowers_its_own_error(name: str):
    assert learns(name, seed=0)
