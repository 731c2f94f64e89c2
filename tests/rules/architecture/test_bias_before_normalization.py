from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.bias_before_normalization import BiasBeforeNormalization
from tests.rules.architecture.inspection import findings

rule = BiasBeforeNormalization(shown=2)


def convolution(normalization: nn.Module, *, has_bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=has_bias), normalization, nn.ReLU())


@pytest.mark.parametrize("normalization", [nn.BatchNorm2d(4), nn.InstanceNorm2d(4)])
def test_counts_the_biases_that_cancel(normalization: nn.Module):
    [finding] = findings(rule, convolution(normalization), 2, 3, 8, 8)
    assert finding.evidence == {"biases": 4, "layers": 1}
    assert (finding.layer, finding.severity) == ("0", Severity.INFO)


def test_the_bias_really_cancels():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double().train()
    features = torch.randn(16, 3, dtype=torch.float64)
    before = network(features)
    with torch.no_grad():
        network[0].bias += 7.0
    assert torch.allclose(network(features), before)


def test_one_finding_for_all_layers():
    blocks = [(f"block{i}", nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))) for i in range(4)]
    [finding] = findings(rule, nn.Sequential(OrderedDict(blocks)), 2, 4)
    assert finding.evidence == {"biases": 16, "layers": 4}
    assert "`block0.0`, `block1.0` and 2 more layers" in finding.message


def test_silent_without_bias():
    assert findings(rule, convolution(nn.BatchNorm2d(4), has_bias=False), 2, 3, 8, 8) == ()


@pytest.mark.parametrize("normalization", [nn.GroupNorm(2, 4), nn.LayerNorm((4, 6, 6))])
def test_silent_where_the_mean_is_over_several_channels(normalization: nn.Module):
    assert findings(rule, convolution(normalization), 2, 3, 8, 8) == ()


def test_silent_with_a_relu_between():
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4))
    assert findings(rule, network, 2, 3) == ()


def test_silent_where_the_normalisation_is_over_another_axis():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(7))
    assert findings(rule, network, 2, 7, 3) == ()


class AlsoUsedAsItIs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.normalization = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, features: Tensor) -> Tensor:
        scores = self.layer(features)
        return scores + self.normalization(scores)


def test_silent_where_something_else_reads_the_layer():
    assert findings(rule, AlsoUsedAsItIs(), 2, 3) == ()
