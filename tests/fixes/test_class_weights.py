"""Weights of rare classes, whether the loss is a function or a module."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.fixes.class_weights import ClassWeights
from defib.fixes.live_training import LiveTraining

LABELS = torch.tensor([0, 0, 0, 1])


@pytest.fixture
def training():
    training = LiveTraining()
    ClassWeights().connect(training)
    training.connect()
    yield training
    training.disconnect()


def test_a_class_three_times_as_frequent_weighs_a_third(training: LiveTraining):
    scores = torch.tensor([[1.0, 0.0]] * 4, requires_grad=True)
    weighed = nn.CrossEntropyLoss()(scores, LABELS)
    training.disconnect()
    assert weighed == F.cross_entropy(scores, LABELS, torch.tensor([2 / 3, 2.0]))


def test_the_module_of_the_binary_loss_is_weighed_too(training: LiveTraining):
    logits = torch.tensor([0.5, 1.0, -1.0, 0.0], requires_grad=True)
    weighed = nn.BCEWithLogitsLoss()(logits, LABELS.float())
    training.disconnect()
    expected = F.binary_cross_entropy_with_logits(
        logits, LABELS.float(), pos_weight=torch.tensor(3.0)
    )
    assert weighed == expected


@pytest.mark.parametrize("weight", [torch.tensor([1.0, 2.0]), torch.ones(2)])
def test_weights_of_the_users_own_are_left_alone(training: LiveTraining, weight: Tensor):
    F.cross_entropy(torch.zeros(4, 2, requires_grad=True), LABELS, weight)
    assert not training.activity


def test_an_evaluation_is_not_weighed(training: LiveTraining):
    with torch.no_grad():
        F.cross_entropy(torch.zeros(4, 2), LABELS)
    assert not training.activity
