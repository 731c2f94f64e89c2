import math

import numpy as np

from defib.studies.zero_initialisation import Config, _steps_to_learn, measure

TINY = Config(seeds=1, networks=8, points=50, epochs=20, deep_steps=2, deep_rates=(0.1,))


def test_the_steps_are_those_of_the_median_network():
    config = Config(seeds=1, networks=3, points=50)
    losses = np.array([[0.7, 0.7, 0.7], [0.1, 0.3, 0.5], [0.1, 0.1, 0.4]])
    assert _steps_to_learn(losses, config) == 2 * 5
    assert _steps_to_learn(losses[:2], config) == math.inf


def test_zero_weights_with_relu_stay_zero_and_with_sigmoid_stay_alike():
    start = measure(TINY, 0)["start"]
    assert set(start.numbers("largest_weight", network="relu, zero")) == {0.0}
    assert set(start.numbers("difference_of_units", network="sigmoid, zero")) == {0.0}
    assert min(start.numbers("largest_weight", network="sigmoid, zero")) > 0
    assert min(start.numbers("difference_of_units", network="sigmoid, random")) > 0


def test_the_regions_of_the_picture_come_with_the_first_seed_only():
    assert {"regions", "points"} <= set(measure(TINY, 2000))
    assert not {"regions", "points"} & set(measure(TINY, 2001))
