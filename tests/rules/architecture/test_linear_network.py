import pytest
import torch
from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.linear_network import LinearNetwork
from tests.rules.architecture.inspection import findings

rule = LinearNetwork()


def test_reports_two_layers_without_non_linearity():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Dropout(), nn.Linear(8, 3))
    [finding] = findings(rule, network, 2, 3, 4)
    assert (finding.layer, finding.severity) == ("3", Severity.WARNING)
    assert finding.evidence == {"layers": 2}


def test_a_single_layer_is_only_a_remark():
    [finding] = findings(rule, nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), 2, 3)
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid(), nn.Tanh()])
def test_squashing_at_the_end_changes_nothing(end: nn.Module):
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2), end)
    assert len(findings(rule, network, 2, 3)) == 1


class Affine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.normalization, self.head = nn.BatchNorm2d(4), nn.Linear(4, 2)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image: Tensor) -> Tensor:
        features = self.first(image)
        features = features + self.normalization(self.second(features)) * self.scale
        return self.head(nn.functional.avg_pool2d(features, 2).mean(dim=(2, 3)) / 3 - 1)


def test_sums_means_and_scalings_are_affine():
    network = Affine().eval()
    [finding] = findings(rule, network, 2, 1, 8, 8)
    assert finding.evidence == {"layers": 3}
    first, second = torch.randn(2, 1, 1, 8, 8)
    middle = network((first + second) / 2)
    assert torch.allclose(middle, (network(first) + network(second)) / 2, atol=1e-5)


@pytest.mark.parametrize("between", [nn.ReLU(), nn.MaxPool1d(2, 1), nn.LayerNorm(4), nn.GELU()])
def test_silent_at_one_non_linearity(between: nn.Module):
    network = nn.Sequential(nn.Linear(3, 4), between, nn.LazyLinear(2))
    assert findings(rule, network, 2, 3) == ()


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(3, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.first(features) * self.second(features)


def test_a_product_of_two_signals_is_no_affine_function():
    assert findings(rule, Gated(), 2, 3) == ()


def test_silent_without_layers():
    assert findings(rule, nn.Flatten(), 2, 3) == ()


def test_a_bottleneck_is_only_a_remark():
    narrow = nn.Sequential(nn.Linear(8, 3), nn.Linear(3, 8))
    [finding] = findings(rule, narrow, 2, 8)
    assert finding.severity is Severity.INFO
    wide = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    [finding] = findings(rule, wide, 2, 8)
    assert finding.severity is Severity.WARNING
