from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.uncalled_module import UncalledModule
from tests.rules.architecture.inspection import findings

rule = UncalledModule()


class Forgetful(nn.Module):
    def __init__(self, forgotten: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.forgotten = forgotten

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features)


def test_reports_a_layer_that_is_never_called():
    [finding] = findings(rule, Forgetful(nn.Linear(4, 2)), 2, 3)
    assert (finding.layer, finding.severity) == ("forgotten", Severity.WARNING)
    assert finding.evidence == {"parameters": 10}


def test_only_a_remark_without_parameters():
    [finding] = findings(rule, Forgetful(nn.ReLU()), 2, 3)
    assert finding.severity is Severity.INFO


def test_of_nested_modules_the_outermost_is_named():
    [finding] = findings(rule, Forgetful(nn.Sequential(nn.Linear(4, 2), nn.ReLU())), 2, 3)
    assert finding.layer == "forgotten"


class Once(Forgetful):
    def forward(self, features: Tensor) -> Tensor:
        return self.forgotten(self.layer(features))


def test_silent_at_one_call():
    assert findings(rule, Once(nn.Linear(4, 2)), 2, 3) == ()
