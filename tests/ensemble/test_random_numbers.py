from __future__ import annotations

import numpy as np

from defib.ensemble.data import Data
from defib.ensemble.random_numbers import (
    normals,
    order_keys,
    random_words,
    shuffled_orders,
    uniforms,
)
from defib.ensemble.specification import OptimizerSpecification, Training, relu_network
from defib.ensemble.training import train_ensemble

NETWORKS = np.arange(2000)


def test_the_words_are_those_of_the_published_philox():
    # Known answers of Random123, kat_vectors: counter and key zero.
    words = random_words(0, np.array([0]), 0, 4)
    assert [hex(word) for word in words[0]] == [
        "0x6627e8d5",
        "0xe169c58d",
        "0xbc57ac4c",
        "0x9b00dbd8",
    ]


def test_normals_have_the_moments_of_the_normal_distribution():
    drawn = normals(1, NETWORKS, 1, 101)
    assert drawn.shape == (2000, 101)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
    assert abs((drawn**4).mean() - 3) < 0.1


def test_networks_and_streams_are_not_correlated():
    first = normals(1, NETWORKS, 1, 50)
    assert abs(np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(first.ravel(), normals(1, NETWORKS, 2, 50).ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(first.ravel(), normals(2, NETWORKS, 1, 50).ravel())[0, 1]) < 0.01


def test_uniforms_lie_inside_the_unit_interval():
    drawn = uniforms(0, NETWORKS, 0, 100)
    assert 0 < drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.005


def test_every_order_of_four_examples_is_equally_likely():
    keys = order_keys(0, np.arange(6000), 0)
    for order in shuffled_orders(keys, 4, 3):
        assert (np.sort(order, axis=1) == np.arange(4)).all()
        _, counts = np.unique(order @ [64, 16, 4, 1], return_counts=True)
        assert len(counts) == 24
        # Chi-square with 23 degrees of freedom: above 58 once in 10,000 times.
        assert ((counts - 250) ** 2 / 250).sum() < 58


def test_orders_differ_between_epochs_and_networks():
    first, second = shuffled_orders(order_keys(0, np.arange(2), 0), 100, 2)
    assert (first != second).any(axis=1).all()
    assert (first[0] != first[1]).any()


def test_the_compiled_training_takes_these_orders():
    # One example a step and rate 1: a linear unit without inputs jumps to the target it saw last.
    points, networks = 37, 20
    training = Training(
        relu_network(1, ()),
        optimizer=OptimizerSpecification("sgd", 0.5),
        batch_size=1,
        epochs=3,
        precision="float64",
    )
    data = Data(np.zeros((points, 1)), np.arange(points, dtype=float))
    result = train_ensemble(training, data, networks=networks, seed=9)
    orders = list(shuffled_orders(order_keys(9, np.arange(networks), 0), points, 3))
    np.testing.assert_allclose(result.biases[0][:, 0], orders[-1][:, -1], atol=1e-9)
