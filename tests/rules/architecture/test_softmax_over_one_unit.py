import pytest
import torch
from torch import Tensor, nn

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact
from defib.rules.architecture.softmax_over_one_unit import SoftmaxOverOneUnit
from defib.testing import make_run
from tests.rules.architecture.inspection import findings

rule = SoftmaxOverOneUnit()


@pytest.mark.parametrize("softmax", [nn.Softmax(1), nn.LogSoftmax(-1)])
def test_reports_a_softmax_over_the_only_unit(softmax: nn.Module):
    [finding] = findings(rule, nn.Sequential(nn.Linear(3, 1), softmax), 4, 3)
    assert (finding.layer, finding.severity) == ("1", Severity.ERROR)
    assert "1 unit" in finding.message


def test_reports_a_softmax_over_the_only_channel():
    [finding] = findings(rule, nn.Sequential(nn.Conv2d(3, 1, 3), nn.Softmax(1)), 2, 3, 8, 8)
    assert finding.layer == "1"


def test_its_output_is_constant():
    network = nn.Sequential(nn.Linear(3, 1), nn.Softmax(1))
    assert torch.equal(network(torch.randn(9, 3)), torch.ones(9, 1))


def test_silent_at_two_units():
    assert findings(rule, nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), 4, 3) == ()


def test_silent_with_a_batch_of_one():
    assert findings(rule, nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), 1, 3) == ()


def test_silent_about_positions_of_a_map():
    assert findings(rule, nn.Sequential(nn.Conv1d(3, 1, 3), nn.Softmax(2)), 2, 3, 3) == ()


class Pooling(nn.Module):
    """One score for each position, softmax over the positions."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(3, 1)

    def forward(self, features: Tensor) -> Tensor:
        return (self.score(features).softmax(1) * features).sum(1)


@pytest.mark.parametrize("positions", [1, 5])
def test_silent_about_attention_over_positions(positions: int):
    assert findings(rule, Pooling(), 2, positions, 3) == ()


def test_silent_about_attention_over_one_position():
    assert findings(rule, nn.TransformerEncoderLayer(4, 2, 8), 1, 1, 4) == ()


def in_run(kind: str, operation: str, mean: float, deviation: float, batches: int = 3):
    loss = LossFact("SGD", kind, input_operation=operation)
    run = make_run(
        facts={"losses": (loss,)},
        prediction_mean=[mean] * batches,
        prediction_std=[deviation] * batches,
    )
    return rule.evaluate(run)


@pytest.mark.parametrize(
    ("kind", "operation", "value"),
    [
        ("binary-cross-entropy", "SoftmaxBackward0", 1.0),
        ("binary-cross-entropy", "SoftmaxBackward0", 1 - 1e-7),
        ("cross-entropy", "AddmmBackward0", 0.0),
    ],
)
def test_reports_a_training_whose_softmax_is_always_one(kind: str, operation: str, value: float):
    [finding] = in_run(kind, operation, value, 0.0)  # type: ignore[misc]
    assert finding.severity is Severity.ERROR
    assert finding.fixes == ("sigmoid", "replace-loss")
    assert in_run(kind, operation, value, 1e-9) == ()
    assert in_run(kind, operation, value, 0.0, batches=2) == ()


def test_not_evaluated_of_a_training_without_a_softmax():
    outcome = in_run("binary-cross-entropy", "SigmoidBackward0", 1.0, 0.0)
    assert isinstance(outcome, NotEvaluated)
