import torch
from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.unused_parameter import UnusedParameter
from tests.rules.architecture.inspection import findings

rule = UnusedParameter(shown=2)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.scale = nn.Linear(3, 3), nn.Parameter(torch.ones(3))

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features) * self.scale


class Inside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.layer.extra = nn.Parameter(torch.ones(2))

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features)


class Own(nn.Module):
    def __init__(self, *, is_trained: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.first = nn.Parameter(torch.ones(3), requires_grad=is_trained)
        self.second = nn.Parameter(torch.ones(3), requires_grad=is_trained)
        self.third = nn.Parameter(torch.ones(3), requires_grad=is_trained)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features)


def test_lists_parameters_that_nothing_reads():
    [finding] = findings(rule, Own(), 2, 3)
    assert finding.severity is Severity.WARNING
    assert "`first`, `second` and 1 more" in finding.message
    assert finding.evidence == {"parameters": 9}


def test_only_a_remark_where_they_are_frozen():
    [finding] = findings(rule, Own(is_trained=False), 2, 3)
    assert finding.severity is Severity.INFO


def test_names_layer_and_line_of_a_layer_that_is_called():
    [finding] = findings(rule, Inside(), 2, 3)
    assert finding.layer == "layer"
    assert finding.site is not None


def test_silent_where_one_operation_reads_them():
    assert findings(rule, Scaled(), 2, 3) == ()


def test_silent_about_modules_that_are_never_called():
    network = nn.Sequential(nn.Linear(3, 3))
    network[0].forgotten = nn.Linear(3, 3)
    assert findings(rule, network, 2, 3) == ()


def test_silent_about_tied_parameters():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    network[2].weight = network[0].weight
    assert findings(rule, network, 2, 3) == ()


def test_silent_about_whole_numbers_that_nothing_trains():
    network = nn.Linear(3, 3)
    network.seed = nn.Parameter(torch.zeros(2, dtype=torch.int64), requires_grad=False)
    assert findings(rule, network, 2, 3) == ()
