"""Whether a training fails: the gate of rules whose facts are harmless in one that succeeds."""

from __future__ import annotations

from itertools import takewhile

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
    (adversarial training) none of them need fall, and neither need a difference of terms. An
    optimiser without a loss of its own shares the only one.
    """
    losses = run.of("loss")
    if optimizer not in losses and len(losses) == 1:
        [optimizer] = losses
    series = losses.get(optimizer)
    if not series:
        return False
    if not np.isfinite(series.values[-PATIENCE:]).any():
        return True
    if len(losses) > 1 or len(series) < MINIMUM_LOSSES or is_difference(run, optimizer):
        return False
    trend, baseline = loss_trend(run, optimizer), constant_prediction_loss(run, optimizer)
    if trend is not None and baseline is not None:
        baseline = min(baseline, _own_constant_loss(run, optimizer))
        if trend.end < GOOD_SHARE * baseline:
            return False
        if trend.end > CRAWLING_SHARE * baseline:
            return True
    return is_harmed(run, optimizer)


def is_difference(run: RunRecord, optimizer: str) -> bool:
    """Whether the loss adds up terms of which one is subtracted, as those of actor and critic do.

    One may rise by what the other falls: that the sum does not fall tells nothing.
    """
    fact = run.loss_of(optimizer)
    terms = list(takewhile(_is_scalar, fact.operations)) if fact is not None else []
    return bool(terms) and terms[0].startswith(_SUMS) and any(map(_is_subtraction, terms))


_SUMS = ("AddBackward", "SubBackward")


def _is_scalar(operation: str) -> bool:
    """Whether it can only stand between the means of the terms and their sum."""
    return operation.startswith((*_SUMS, "MulBackward", "DivBackward", "NegBackward"))


def _is_subtraction(operation: str) -> bool:
    return operation.startswith(("SubBackward", "NegBackward"))


def _own_constant_loss(run: RunRecord, optimizer: str) -> float:
    """What the network's mean output would cost in place of its outputs, at the end.

    Of targets with several columns it is less than the variance of all numbers: each column has
    a mean of its own, and a network that found no more than these has learnt nothing of its
    input. Infinite where it is not known.
    """
    fact, mix = run.loss_of(optimizer), run.of("label_mix_loss").get(optimizer)
    if fact is None or fact.kind != "mean-squared-error" or fact.reduction == "sum" or not mix:
        return np.inf
    late = mix.finite().part(0.9, 1.0)
    return late.median() if late else np.inf
