"""Whether a training fails: the gate of rules whose facts are harmless in one that succeeds."""

from __future__ import annotations

import numpy as np

from defib.records.run import RunRecord
from defib.rules.course import GOOD_SHARE, PATIENCE, is_harmed
from defib.rules.trend import constant_prediction_loss, loss_trend

MINIMUM_LOSSES = 50
"""Losses before a flat loss counts as a failure; `LossPlateau.min_steps` has the same."""
CRAWLING_SHARE = 0.95
"""Share of a constant prediction's loss above which a training that does fall has learnt
nothing yet. AutoTrainer and TheDeepChecker call a gain below 5 % none."""


def is_failing(run: RunRecord, optimizer: str) -> bool:
    """Whether the loss of `optimizer` certainly does badly; false where that is not known.

    A loss that ended as `nan` or infinity fails, however few there are. With several losses
    (adversarial training) none of them need fall. An optimiser without a loss of its own
    shares the only one.
    """
    losses = run.of("loss")
    if optimizer not in losses and len(losses) == 1:
        [optimizer] = losses
    series = losses.get(optimizer)
    if not series:
        return False
    if not np.isfinite(series.values[-PATIENCE:]).any():
        return True
    if len(losses) > 1 or len(series) < MINIMUM_LOSSES:
        return False
    trend, baseline = loss_trend(run, optimizer), constant_prediction_loss(run, optimizer)
    if trend is not None and baseline is not None:
        if trend.end < GOOD_SHARE * baseline:
            return False
        if trend.end > CRAWLING_SHARE * baseline:
            return True
    return is_harmed(run, optimizer)
