"""Targets that name a class by a single 1, and the accuracy on them."""

from __future__ import annotations

import pytest
import torch

from defib.metrics.one_hot import is_one_hot, one_hot_accuracy


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([[0.0, 1.0], [1.0, 0.0]], True),
        ([[0.0, 1.0], [1.0, 1.0]], False),
        ([[0.0, 1.0], [0.0, 0.0]], False),
        ([[0.5, 0.5], [0.0, 1.0]], False),
        ([[2.0, -1.0], [0.0, 1.0]], False),
    ],
)
def test_one_hot_is_a_single_one_in_each_row(targets: list[list[float]], expected: bool):
    assert bool(is_one_hot(torch.tensor(targets))) is expected


def test_a_row_is_right_where_its_largest_output_is_at_the_one():
    outputs = torch.tensor([[0.1, 0.9], [0.8, 0.7], [0.2, 0.3], [0.0, -1.0]])
    targets = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert one_hot_accuracy(outputs, targets) == 0.75
