"""What is read of a loss that is computed without gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from defib.discovery.evaluation import class_tallies, mean_and_accuracy

LOSS = torch.tensor(0.7)


def accuracy_of(name: str, predictions: Tensor, targets: Tensor) -> float | None:
    accuracy = mean_and_accuracy(name, predictions, targets, LOSS, "mean")[1]
    return None if accuracy is None else float(accuracy)


def test_over_one_unit_the_score_itself_tells_the_class():
    scores, targets = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([[1.0], [0.0], [0.0]])
    assert accuracy_of("cross_entropy", scores, targets) == pytest.approx(2 / 3)


def test_mixed_labels_of_several_classes_have_no_accuracy():
    assert accuracy_of("cross_entropy", torch.randn(3, 2), torch.full((3, 2), 0.5)) is None


def test_classes_are_counted_of_a_single_choice():
    tallies = class_tallies("cross_entropy", torch.eye(2), torch.tensor([0, 0]))
    assert tallies is not None
    assert tallies.tolist() == [[1, 1], [0, 0]]
    logits, targets = torch.tensor([[3.0], [-3.0], [3.0]]), torch.tensor([[1.0], [1.0], [0.0]])
    tallies = class_tallies("binary_cross_entropy_with_logits", logits, targets)
    assert tallies is not None
    assert tallies.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("name", "shape"), [("mse_loss", (4, 1)), ("binary_cross_entropy", (4, 3))]
)
def test_classes_are_not_counted_of_numbers_and_of_several_questions(
    name: str, shape: tuple[int, ...]
):
    assert class_tallies(name, torch.rand(shape), torch.ones(shape)) is None
