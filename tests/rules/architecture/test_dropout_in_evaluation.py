import torch.nn.functional as F
from torch import Tensor, nn

from defib.rules.architecture.dropout_in_evaluation import DropoutInEvaluation
from tests.rules.architecture.inspection import findings, site_line

rule = DropoutInEvaluation()


class Functional(nn.Module):
    def __init__(self, *, follows_mode: bool) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 4), nn.Linear(4, 2)
        self.follows_mode = follows_mode

    def forward(self, features: Tensor) -> Tensor:
        features = self.layer(features)
        if self.follows_mode:
            return self.head(F.dropout(features, 0.5, self.training))
        return self.head(F.dropout(features, 0.5))


def test_reports_a_dropout_without_the_mode():
    [finding] = findings(rule, Functional(follows_mode=False), 2, 3)
    assert finding.evidence == {"dropouts": 1}
    assert site_line(finding) == "return self.head(F.dropout(features, 0.5))"


def test_silent_where_it_follows_the_mode():
    assert findings(rule, Functional(follows_mode=True), 2, 3) == ()
    assert findings(rule, nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2)), 2, 3) == ()


def test_silent_at_a_probability_of_exactly_zero():
    class Nothing(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return F.dropout(features, 0.0)

    assert findings(rule, Nothing(), 2, 3) == ()
