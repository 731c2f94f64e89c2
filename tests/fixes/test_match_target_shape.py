"""Targets get the shape of the predictions where only the axes differ."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from defib.fixes.match_target_shape import MatchTargetShape
from tests.fixes.applied import applied

PREDICTIONS = torch.tensor([[1.0], [2.0], [4.0]])
TARGETS = torch.tensor([1.0, 2.0, 3.0])


def test_each_prediction_is_compared_with_its_own_target():
    with applied(MatchTargetShape()) as training:
        assert nn.MSELoss()(PREDICTIONS, TARGETS) == 1 / 3
        assert F.l1_loss(PREDICTIONS, TARGETS) == 1 / 3
    assert training.activity


def test_shapes_that_fit_are_left_alone():
    with applied(MatchTargetShape()) as training:
        F.mse_loss(PREDICTIONS, TARGETS[:, None])
    assert not training.activity


def test_one_target_for_all_predictions_is_left_alone():
    with applied(MatchTargetShape()) as training:
        assert F.l1_loss(PREDICTIONS, torch.tensor(1.0).expand(3, 1)) == 4 / 3
    assert not training.activity
