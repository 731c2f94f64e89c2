"""Logarithms and square roots are finite, and so are their gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from defib.fixes.stable_operation import StableOperation
from tests.fixes.applied import applied

TARGETS = torch.tensor([0.0, 1.0, 1.0])


def far() -> Tensor:
    """Scores whose probabilities round to 0 and 1."""
    return torch.tensor([200.0, -200.0, 3.0], requires_grad=True)


def test_a_hand_written_cross_entropy_is_that_of_torch_with_its_gradient():
    scores, same = far(), far()
    with applied(StableOperation()) as training:
        p = torch.sigmoid(scores)
        loss = -(TARGETS * torch.log(p) + (1 - TARGETS) * torch.log(1 - p)).mean()
        loss.backward()
    expected = F.binary_cross_entropy_with_logits(same, TARGETS)
    expected.backward()
    assert torch.isclose(loss, expected)
    assert scores.grad is not None
    assert same.grad is not None
    assert torch.allclose(scores.grad, same.grad)
    assert training.activity == {"logarithm of a probability in one step": 2}


def test_the_logarithm_of_a_softmax_is_a_log_softmax():
    scores = torch.tensor([[300.0, 0.0]], requires_grad=True)
    with applied(StableOperation()):
        found = F.softmax(scores, dim=1).log()
    assert torch.equal(found, torch.tensor([[0.0, -300.0]]))


def test_a_square_root_of_zero_has_a_finite_gradient():
    values = torch.zeros(2, requires_grad=True)
    with applied(StableOperation()) as training:
        torch.sqrt(values).sum().backward()
    assert values.grad is not None
    assert torch.isfinite(values.grad).all()
    assert training.activity


@pytest.mark.parametrize("name", ["log", "sqrt"])
def test_values_far_from_zero_and_those_without_gradients_are_left_alone(name: str):
    with applied(StableOperation()) as training:
        getattr(torch, name)(torch.zeros(2))
        getattr(torch, name)(torch.ones(2, requires_grad=True))
    assert not training.activity
