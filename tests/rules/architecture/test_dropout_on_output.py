import torch.nn.functional as F
from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.dropout_on_output import DropoutOnOutput
from tests.rules.architecture.inspection import findings, site_line

rule = DropoutOnOutput()


def found_in(*modules: nn.Module):
    return findings(rule, nn.Sequential(nn.Linear(3, 4), nn.ReLU(), *modules), 2, 3)


def test_reports_dropout_at_the_end():
    [finding] = found_in(nn.Linear(4, 2), nn.Dropout(0.2))
    assert (finding.layer, finding.severity) == ("3", Severity.WARNING)
    assert "20% of the outputs" in finding.message


def test_sees_through_reshapes_and_non_linearities():
    [finding] = found_in(nn.Linear(4, 2), nn.Dropout(), nn.Softmax(1), nn.Unflatten(1, (2, 1)))
    assert finding.layer == "3"


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, features: Tensor) -> Tensor:
        return F.dropout(self.layer(features), training=self.training)


def test_names_the_line_of_a_function():
    [finding] = findings(rule, Functional(), 2, 3)
    assert site_line(finding) == "return F.dropout(self.layer(features), training=self.training)"


class AlwaysOn(Functional):
    def forward(self, features: Tensor) -> Tensor:
        return F.dropout(self.layer(features))


def test_reports_one_that_is_always_on():
    assert len(findings(rule, AlwaysOn(), 2, 3)) == 1


def test_silent_before_the_last_layer():
    assert found_in(nn.Dropout(), nn.Linear(4, 2)) == ()


def test_silent_without_dropout():
    assert found_in(nn.Linear(4, 2), nn.Dropout(0.0)) == ()


class Shortcut(nn.Module):
    """The output is read after an addition; the dropout is in the branch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.dropout = nn.Linear(3, 3), nn.Dropout()

    def forward(self, features: Tensor) -> Tensor:
        return features + self.dropout(self.layer(features))


def test_silent_in_a_residual_branch():
    assert findings(rule, Shortcut(), 2, 3) == ()


class UsedBefore(nn.Module):
    """What reads the result before the dropout does not read the dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head, self.other = nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(3, 2)
        self.dropout = nn.Dropout()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layer(features)
        first = self.head(features).relu()
        return first, self.other(self.dropout(features))


def test_silent_where_only_another_reader_leads_to_the_output():
    assert findings(rule, UsedBefore(), 2, 3) == ()


def test_silent_without_layers():
    assert findings(rule, nn.Sequential(nn.ReLU(), nn.Dropout()), 2, 3) == ()
