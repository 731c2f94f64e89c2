import torch
from torch import nn

from defib.networks.small_convnet import small_convnet


def parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def test_it_has_the_parameters_that_its_page_names():
    convolutions = (9 * 1 + 1) * 8 + (9 * 8 + 1) * 8
    assert parameters(small_convnet()) == convolutions + (8 * 49 + 1) * 64 + 65 * 10 == 26_466


def test_the_last_map_follows_the_edge_and_the_number_of_convolutions():
    for channels, edge in (((4,), 14), ((4, 6), 28), ((4, 6, 8), 28)):
        scores = small_convnet(channels, 16, 5, edge=edge)(torch.zeros(2, 1, edge, edge))
        assert scores.shape == (2, 5)


def test_dropout_follows_each_hidden_stage_and_not_the_scores():
    layers = list(small_convnet(dropout=0.3))
    assert [each.p for each in layers if isinstance(each, nn.Dropout)] == [0.3] * 3
    assert isinstance(layers[-1], nn.Linear)
