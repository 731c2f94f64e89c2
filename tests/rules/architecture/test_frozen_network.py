from torch import nn

from defib.records.finding import Severity
from defib.rules.architecture.frozen_network import FrozenNetwork
from tests.rules.architecture.inspection import findings

rule = FrozenNetwork()


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_reports_a_network_without_trained_parameters():
    [finding] = findings(rule, network().requires_grad_(False), 2, 3)
    assert finding.severity is Severity.WARNING
    assert "0 of the 26 parameters" in finding.message


def test_silent_where_a_single_parameter_is_trained():
    frozen = network().requires_grad_(False)
    frozen[2].bias.requires_grad_(True)
    assert findings(rule, frozen, 2, 3) == ()


def test_silent_without_parameters():
    assert findings(rule, nn.ReLU(), 2, 3) == ()


def test_tied_parameters_count_once():
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 3, bias=False))
    tied[2].weight = tied[0].weight
    [finding] = findings(rule, tied.requires_grad_(False), 2, 3)
    assert finding.evidence == {"parameters": 9}
