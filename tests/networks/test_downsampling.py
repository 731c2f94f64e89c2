import pytest
import torch
from torch import nn

from defib.networks.downsampling import downsampling_network

every_pooling = pytest.mark.parametrize("pooling", [nn.MaxPool2d, nn.AvgPool2d, None])


@every_pooling
@pytest.mark.parametrize("edge", [16, 28])
def test_each_stage_halves_the_map(pooling: type[nn.Module] | None, edge: int):
    network = downsampling_network(pooling, edge=edge)
    first = network[0](torch.zeros(1, 1, edge, edge))
    assert first.shape == (1, 8, edge // 2, edge // 2)
    assert network[1](first).shape == (1, 16, edge // 4, edge // 4)
    assert network(torch.zeros(1, 1, edge, edge)).shape == (1, 10)


@every_pooling
def test_all_have_the_same_parameters(pooling: type[nn.Module] | None):
    sizes = [tuple(each.shape) for each in downsampling_network(pooling).parameters()]
    assert sizes == [tuple(each.shape) for each in downsampling_network(nn.MaxPool2d).parameters()]
