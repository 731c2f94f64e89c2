from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import LayerFact, ParameterFact, RunRecord
from defib.rules.architecture.missing_nonlinearity import MissingNonlinearity
from defib.testing import make_run
from tests.rules.architecture.inspection import findings, site_line

rule = MissingNonlinearity(max_ratio=1.5)


def dense(inputs: int, hidden: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Linear(hidden, outputs))


def test_reports_two_dense_layers_in_sequence():
    [finding] = findings(rule, dense(784, 128, 10), 2, 784)
    assert (finding.layer, finding.severity) == ("1", Severity.WARNING)
    assert finding.evidence == {"weights": 784 * 128 + 128 * 10, "equivalent_weights": 7840}


def test_a_factorisation_is_only_a_remark():
    [finding] = findings(rule, dense(100, 5, 100), 2, 100)
    assert finding.severity is Severity.INFO
    assert finding.evidence == {"weights": 1000, "equivalent_weights": 10_000}


def test_a_remark_at_exactly_the_limit_and_a_warning_beyond():
    # 4 · 3 + 3 · 4 = 1.5 · 4 · 4
    [finding] = findings(rule, dense(4, 3, 4), 2, 4)
    assert finding.evidence == {"weights": 24, "equivalent_weights": 16}
    assert finding.severity is Severity.INFO
    [finding] = findings(rule, dense(4, 4, 4), 2, 4)
    assert finding.severity is Severity.WARNING


def test_two_convolutions_are_equal_to_one_with_a_larger_kernel():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 4, 3, dilation=2))
    [finding] = findings(rule, network, 1, 3, 32, 32)
    # 3 + (5 - 1) · 2 = 11
    assert finding.evidence["equivalent_weights"] == 3 * 4 * 11 * 11
    reach = torch.zeros(1, 3, 32, 32, requires_grad=True)
    network(reach)[0, 0, 2, 2].backward()
    assert reach.grad is not None
    rows = (reach.grad != 0).any(dim=1)[0].any(dim=1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 11


def test_reports_a_convolution_that_is_flattened_into_a_dense_layer():
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 26 * 26, 10))
    [finding] = findings(rule, network, 1, 1, 28, 28)
    assert finding.evidence["equivalent_weights"] == 784 * 10
    assert finding.severity is Severity.WARNING


def test_frozen_interpolation_is_only_a_remark():
    network = nn.Sequential(nn.Conv2d(8, 21, 1), nn.ConvTranspose2d(21, 21, 4, stride=2))
    assert findings(rule, network, 1, 8, 5, 5)[0].severity is Severity.WARNING
    network[1].requires_grad_(False)
    assert findings(rule, network, 1, 8, 5, 5)[0].severity is Severity.INFO


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, 4)
        self.dropout = nn.Dropout()

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.dropout(self.first(features)).unsqueeze(1)
        return self.second(hidden)


def test_sees_through_dropout_and_reshapes_and_names_the_line():
    [finding] = findings(rule, Functional(), 2, 6)
    assert site_line(finding) == "return self.second(hidden)"


def test_silent_with_a_non_linearity_between():
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    assert findings(rule, network, 2, 6) == ()


def test_silent_about_separable_convolutions():
    network = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 16, 1))
    assert findings(rule, network, 1, 8, 9, 9) == ()


def test_silent_about_attention():
    features = (2, 3, 4)
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    architecture = inspect(attention, (features, features, features))
    assert rule.evaluate_architecture(architecture) == ()


class AlwaysDropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.second(F.dropout(self.first(features), 0.5))


def test_a_dropout_that_is_always_on_is_no_non_linearity():
    assert len(findings(rule, AlwaysDropping(), 2, 6)) == 1


class TwoReaders(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, 5)

    def forward(self, features: Tensor) -> Tensor:
        features = self.first(features)
        return features * self.second(features)


def test_silent_where_something_else_reads_the_first_layer():
    assert findings(rule, TwoReaders(), 2, 6) == ()


def test_silent_about_recurrent_layers():
    assert findings(rule, nn.LSTM(3, 4), 5, 2, 3) == ()


def run_of(
    *shapes: tuple[int, ...], losses: list[float], kind: str = "Linear", trained: bool = True
) -> RunRecord:
    """A training of layers that follow one another with nothing between them."""
    layers = tuple(
        LayerFact(f"{i}", kind, order=i, linear_after=f"{i - 1}" if i else "", optimizer="SGD")
        for i in range(len(shapes))
    )
    parameters = tuple(
        ParameterFact(f"{i}.weight", f"{i}", shape, optimizer="SGD" if trained else "")
        for i, shape in enumerate(shapes)
    )
    return make_run(
        facts={"layers": layers, "parameters": parameters}, loss_kind="cross-entropy",
        loss=losses, label_count={"0": [50.0], "1": [50.0]},
    )  # fmt: skip


FLAT = [0.7] * 100
FALLING = [0.7 * 0.97**step for step in range(100)]


def in_run(run: RunRecord) -> tuple[Finding, ...]:
    found = rule.evaluate(run)
    assert not isinstance(found, NotEvaluated)
    return found


def test_a_linear_pair_in_a_training_that_fails_is_a_warning():
    [finding] = in_run(run_of((128, 784), (10, 128), losses=FLAT))
    assert (finding.layer, finding.severity) == ("1", Severity.WARNING)
    assert finding.evidence == {"weights": 784 * 128 + 128 * 10, "equivalent_weights": 7840}
    assert finding.fixes == ("insert-nonlinearity",)


def test_the_same_in_a_training_that_learns_is_a_remark():
    [finding] = in_run(run_of((128, 784), (10, 128), losses=FALLING))
    assert finding.severity is Severity.INFO


def test_silent_in_a_training_at_exactly_the_limit():
    assert in_run(run_of((3, 4), (4, 3), losses=FLAT)) == ()
    assert len(in_run(run_of((4, 4), (4, 4), losses=FLAT))) == 1


def test_convolutions_in_a_training_are_compared_with_one_of_a_larger_kernel():
    [finding] = in_run(run_of((16, 3, 3, 3), (16, 16, 3, 3), losses=FLAT, kind="Conv2d"))
    assert finding.evidence["equivalent_weights"] == 3 * 16 * 5 * 5


def test_silent_about_dense_layers_behind_convolutions_and_about_frozen_layers():
    assert in_run(run_of((8, 3, 3, 3), (10, 8), losses=FLAT)) == ()
    assert in_run(run_of((9, 9), (9, 9), losses=FLAT, trained=False)) == ()


def test_silent_where_something_stands_between():
    run = run_of((9, 9), (9, 9), losses=FLAT)
    assert in_run(replace(run, layers=tuple(replace(e, linear_after="") for e in run.layers))) == ()


def test_not_evaluated_where_no_layer_was_seen():
    assert rule.evaluate(RunRecord()) == NotEvaluated(rule.name(), "no layer was seen")
