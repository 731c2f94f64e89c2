"""Counts of each class, and the accuracy in which all classes count alike."""

from __future__ import annotations

import pytest
import torch

from defib.metrics.recognized_of_each_class import (
    MAXIMUM_CLASSES,
    balanced_accuracy,
    recognized_of_each_class,
)


def test_each_class_is_counted_apart():
    guesses, labels = torch.tensor([[0, 1], [2, 0]]), torch.tensor([[0, 2], [2, 2]])
    found = recognized_of_each_class(guesses, labels, 4)
    assert found is not None
    assert found.tolist() == [[0, 1], [0, 0], [2, 1], [0, 0]]


@pytest.mark.parametrize("left_out", [-1, -100, 3, 255])
def test_labels_that_are_no_class_are_left_out(left_out: int):
    guesses, labels = torch.tensor([0, 1, 2]), torch.tensor([0, 1, left_out])
    found = recognized_of_each_class(guesses, labels, 3)
    assert found is not None
    assert found.tolist() == [[0, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize("classes", [1, MAXIMUM_CLASSES + 1])
def test_one_class_and_too_many_are_not_counted(classes: int):
    assert recognized_of_each_class(torch.tensor([0]), torch.tensor([0]), classes) is None


def test_a_constant_answer_has_one_over_the_classes_that_occur():
    tallies = torch.tensor([[0, 90], [9, 0], [1, 0], [0, 0]])
    assert balanced_accuracy(tallies) == pytest.approx(1 / 3)


def test_rare_classes_count_as_much_as_frequent_ones():
    assert balanced_accuracy(torch.tensor([[0, 100], [1, 1]])) == 0.75
