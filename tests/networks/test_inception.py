import torch
from torch import nn

from defib.networks.inception import InceptionChannels, inception, naive_inception


def weight_count(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters() if each.dim() > 1)


def test_naive_module_keeps_the_size_and_adds_its_input_channels():
    with torch.device("meta"):
        module = naive_inception(256, pointwise=128, convolution_3x3=192, convolution_5x5=96)
    assert module(torch.empty(1, 256, 32, 32, device="meta")).shape == (1, 672, 32, 32)


def test_naive_module_needs_the_854_million_products_of_the_lecture_at_28_pixels():
    with torch.device("meta"):
        module = naive_inception(256, pointwise=128, convolution_3x3=192, convolution_5x5=96)
    assert weight_count(module) * 28 * 28 == 854_196_224


def test_reduced_module_has_the_output_channels_of_its_table():
    row = InceptionChannels(128, 64, 192, 64, 96, 64)
    with torch.device("meta"):
        module = inception(256, row)
    assert module(torch.empty(1, 256, 32, 32, device="meta")).shape == (1, row.total, 32, 32)
    assert row.total == 480


def test_reduction_saves_two_thirds_of_the_weights():
    with torch.device("meta"):
        naive = naive_inception(256, pointwise=128, convolution_3x3=192, convolution_5x5=96)
        reduced = inception(256, InceptionChannels(128, 64, 192, 64, 96, 64))
    assert (weight_count(naive), weight_count(reduced)) == (1_089_536, 346_112)
