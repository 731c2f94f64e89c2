"""A cross-entropy comes in the place of a loss that does not fit, and only there."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.fixes.replace_loss import ReplaceLoss
from tests.fixes.applied import applied

SCORES = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
CLASSES = torch.tensor([0, 2])
CROSS_ENTROPY = F.cross_entropy(SCORES, CLASSES)
ONE_HOT = F.one_hot(CLASSES, 3).float()


@pytest.mark.parametrize("outputs", [SCORES, SCORES.softmax(1)], ids=["scores", "probabilities"])
def test_a_likelihood_of_what_are_no_log_probabilities_becomes_a_cross_entropy(outputs: Tensor):
    with applied(ReplaceLoss()) as training:
        found = nn.NLLLoss()(outputs, CLASSES)
    assert torch.isclose(found, CROSS_ENTROPY)
    assert training.activity == {"nll_loss replaced": 1}


@pytest.mark.parametrize("outputs", [SCORES, SCORES.softmax(1)], ids=["scores", "probabilities"])
def test_a_squared_error_of_classes_becomes_a_cross_entropy(outputs: Tensor):
    with applied(ReplaceLoss()):
        found = nn.MSELoss()(outputs, ONE_HOT)
    assert torch.isclose(found, CROSS_ENTROPY)


def test_a_squared_error_of_sigmoids_becomes_the_binary_cross_entropy_of_each():
    with applied(ReplaceLoss()):
        found = F.mse_loss(SCORES.sigmoid(), ONE_HOT)
    assert torch.isclose(found, F.binary_cross_entropy_with_logits(SCORES, ONE_HOT))


def test_a_cross_entropy_over_one_output_becomes_a_binary_one():
    outputs, targets = SCORES[:, :1], torch.tensor([[1.0], [0.0]])
    with applied(ReplaceLoss()):
        found = nn.CrossEntropyLoss()(outputs, targets)
    assert torch.equal(found, F.binary_cross_entropy_with_logits(outputs, targets))


def test_the_reduction_stays_the_users():
    with applied(ReplaceLoss()):
        found = F.nll_loss(SCORES, CLASSES, reduction="sum")
    assert torch.isclose(found, 2 * CROSS_ENTROPY)


def test_losses_that_fit_are_left_alone():
    with applied(ReplaceLoss()) as training:
        F.nll_loss(SCORES.log_softmax(1), CLASSES)
        F.cross_entropy(SCORES, CLASSES)
        F.mse_loss(SCORES, torch.randn(2, 3))
        F.mse_loss(SCORES[:, :1], torch.tensor([[1.0], [0.0]]))
        F.mse_loss(SCORES, torch.ones(2, 3))
    assert not training.activity
