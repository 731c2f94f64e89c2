from itertools import product

import numpy as np
import pytest

from defib.studies.validation_optimism.best_of_many import independent_optimism, optimism


def test_the_exact_excess_is_that_of_all_outcomes():
    # Two networks, three examples, each answer right with probability 0.7: all 64 outcomes.
    expected = 0.0
    for outcome in product((0, 1), repeat=6):
        probability = 0.7 ** sum(outcome) * 0.3 ** (6 - sum(outcome))
        expected += probability * max(sum(outcome[:3]), sum(outcome[3:])) / 3
    assert independent_optimism(0.7, 3, 2) == pytest.approx(expected - 0.7)


def test_one_network_promises_nothing_too_much():
    assert independent_optimism(0.9, 50, 1) == pytest.approx(0.0, abs=1e-12)


def test_measured_on_independent_networks_the_excess_is_the_exact_one():
    generator = np.random.default_rng(0)
    is_right = generator.random((400, 4000)) < 0.8
    promised, fresh, typical = optimism(is_right, 50, 10, 2000, generator)
    assert fresh == pytest.approx(0.8, abs=0.005)
    assert typical == pytest.approx(0.8, abs=0.005)
    assert promised - fresh == pytest.approx(independent_optimism(0.8, 50, 10), abs=0.005)


def test_networks_that_err_on_the_same_images_promise_less_too_much():
    generator = np.random.default_rng(0)
    one = generator.random(2000) < 0.8
    promised, fresh, _ = optimism(np.stack([one] * 10), 50, 10, 2000, generator)
    assert promised - fresh == pytest.approx(0.0, abs=0.006)


def test_the_best_is_judged_on_examples_that_did_not_choose_it():
    # One network knows the first half, the other the second: whoever is chosen is worse elsewhere.
    is_right = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    promised, fresh, typical = optimism(is_right, 2, 2, 500, np.random.default_rng(0))
    assert promised > 0.5 > fresh
    assert typical == pytest.approx(0.5)
