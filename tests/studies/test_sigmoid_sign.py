import math

import torch

from defib.studies.sigmoid_sign import Config, _first_below, centred_sigmoid, measure

TINY = Config(seeds=1, steps=8, learning_rates=(0.1,))


def test_the_centred_sigmoid_has_the_slope_of_the_sigmoid_and_both_signs():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    assert torch.equal(torch.sign(centred_sigmoid(x)), torch.sign(x))
    torch.testing.assert_close(centred_sigmoid(x), torch.tanh(x / 2) / 2)


def test_behind_a_sigmoid_one_example_moves_all_weights_one_way():
    signs = measure(TINY, 0)["signs"]
    assert signs.numbers("one_example", first_layer="sigmoid") == (1.0,)
    assert signs.numbers("one_example", first_layer="tanh")[0] < 0.8


def test_steps_are_counted_to_the_first_look_at_the_target():
    config = Config(seeds=1, interval=5, target=0.5)
    assert _first_below(torch.tensor([0.9, 0.5, 0.4]), config) == 5
    assert _first_below(torch.tensor([0.9, 0.8]), config) == math.inf
