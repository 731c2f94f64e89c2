import torch.nn.functional as F
from torch import Tensor, nn

from defib.records.finding import Severity
from defib.rules.architecture.activation_twice import ActivationTwice
from tests.rules.architecture.inspection import findings, site_line

rule = ActivationTwice()


def found_between(*activations: nn.Module):
    network = nn.Sequential(nn.Linear(3, 4), *activations, nn.Linear(4, 2))
    return findings(rule, network, 5, 3)


def test_reports_a_sigmoid_after_a_relu():
    [finding] = found_between(nn.ReLU(), nn.Sigmoid())
    assert (finding.severity, finding.layer) == (Severity.WARNING, "2")
    assert "relu of `1` is followed by the sigmoid of `2`" in finding.message


def test_a_relu_after_a_relu_is_only_a_remark():
    [finding] = found_between(nn.ReLU(), nn.ReLU(inplace=True))
    assert finding.severity is Severity.INFO
    assert "changes nothing" in finding.message


def test_reports_a_relu_after_a_leaky_relu():
    [finding] = found_between(nn.LeakyReLU(), nn.ReLU())
    assert finding.severity is Severity.WARNING


def test_sees_through_dropout_and_reshapes():
    assert len(found_between(nn.Tanh(), nn.Dropout(), nn.Unflatten(1, (2, 2)), nn.Flatten())) == 0
    assert len(found_between(nn.Tanh(), nn.Dropout(), nn.Flatten(), nn.GELU())) == 1


class InForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(3, 4), nn.Tanh())

    def forward(self, features: Tensor) -> Tensor:
        return F.elu(self.block(features))


def test_names_the_line_of_a_second_one_in_forward():
    [finding] = findings(rule, InForward(), 5, 3)
    assert site_line(finding) == "return F.elu(self.block(features))"


def test_silent_at_exactly_one():
    assert found_between(nn.ReLU()) == ()


def test_silent_with_a_layer_between():
    assert found_between(nn.ReLU(), nn.Linear(4, 4), nn.ReLU()) == ()
    assert found_between(nn.ReLU(), nn.LayerNorm(4), nn.Tanh()) == ()


def test_silent_about_log_softmax():
    assert found_between(nn.Softmax(1), nn.LogSoftmax(1)) == ()


class Mish(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features * F.softplus(features).tanh()


def test_silent_about_a_gate():
    assert found_between(Mish()) == ()


def test_silent_about_recurrent_gates():
    assert findings(rule, nn.LSTM(3, 4), 5, 2, 3) == ()
    assert findings(rule, nn.GRU(3, 4), 5, 2, 3) == ()
