from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from benchmarks.scoreboard.quality import error_of
from defib.faults.tasks import TUMOURS, set_up
from defib.training.setup import TrainingSetup


class Fixed(nn.Module):
    """Gives the same outputs whatever it gets."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, inputs: Tensor) -> Tensor:
        del inputs
        return self.outputs


def setup(outputs: Tensor, targets: Tensor) -> TrainingSetup:
    whole = set_up(TUMOURS, 0)
    return replace(whole, model=Fixed(outputs), validation=(torch.zeros(len(targets), 1), targets))


def error(outputs: Tensor, targets: Tensor) -> float | None:
    made = setup(outputs, targets)
    return error_of(made, made)


def test_each_class_counts_alike():
    labels = torch.tensor([0, 0, 0, 1])
    always_first = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    assert error(always_first, labels) == 0.5


def test_logits_of_two_classes_are_cut_at_zero():
    targets = torch.tensor([[0.0], [1.0]])
    assert error(torch.tensor([[-3.0], [0.2]]), targets) == 0.0


def test_probabilities_of_two_classes_are_cut_at_a_half():
    targets = torch.tensor([[0.0], [1.0]])
    assert error(torch.tensor([[0.4], [0.7]]), targets) == 0.0


def test_the_mean_as_prediction_misses_by_the_variance():
    targets = torch.tensor([[1.0], [2.0], [6.0]])
    assert error(torch.full((3, 1), 3.0), targets) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_outputs_that_are_not_finite_are_worth_nothing(value: float):
    assert error(torch.full((3, 1), value), torch.tensor([[1.0], [2.0], [6.0]])) == 1.0
    assert error(torch.full((3, 2), value), torch.tensor([0, 1, 1])) == 1.0


def test_labels_are_those_of_the_healthy_twin():
    right = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    broken, healthy = setup(right, torch.tensor([1, 0])), setup(right, torch.tensor([0, 1]))
    assert error_of(broken, healthy) == 0.0
