from itertools import pairwise

import torch
from torch import nn

from defib.studies.deep_digits import Variant, layer_outputs
from defib.studies.depth_of_tanh import BASE, VARIANTS, Config, measure
from defib.studies.stacks import draw_stack, generator_of, glorot

TINY = Config(seeds=1, steps=3, learning_rates=(0.1,))


def test_a_normalised_layer_is_that_of_torch():
    variant = Variant(3, is_normalized=True)
    stack = draw_stack((4, 5, 5, 2), torch.tanh, 1, generator_of(0), deviation=glorot)
    inputs = torch.randn(16, 4, generator=generator_of(1))
    signal = inputs
    for weight in stack.weights[:-1]:
        signal = torch.tanh(nn.BatchNorm1d(5)(signal @ weight[0]))
    torch.testing.assert_close(
        layer_outputs(variant, stack, inputs)[-1][0], signal @ stack.weights[-1][0]
    )


def test_a_skip_carries_the_layer_before_past_the_next():
    variant = Variant(3, has_skips=True)
    stack = draw_stack((4, 5, 5, 2), torch.tanh, 1, generator_of(0), deviation=glorot)
    inputs = torch.randn(16, 4, generator=generator_of(1))
    first, second, _ = layer_outputs(variant, stack, inputs)
    torch.testing.assert_close(second, first + torch.tanh(first @ stack.weights[1]))


def test_small_weights_shrink_the_gradient_on_its_way_back():
    gradients = measure(TINY, 0)["gradients"]
    norms = gradients.numbers("by_outputs", network=BASE)
    assert len(norms) == 8
    assert all(before < 0.2 * after for before, after in pairwise(norms))


def test_every_network_has_an_outcome():
    assert measure(TINY, 0)["outcome"].distinct("network") == tuple(VARIANTS)
