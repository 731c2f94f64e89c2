"""How well copies of a training fit its first batch: shared by rules before the first step."""

from __future__ import annotations

from math import isfinite
from statistics import median

from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge

TAIL = 10
"""Losses at the end whose median is the fit."""
MINIMUM_STEPS = 50
"""Steps below which a fit that fell little says nothing: no time was left."""


def fit_of(record: PreflightRecord, name: str = "own") -> float | None:
    """Loss at the end of a fit over the first one; `inf` where it is no number.

    `None` where the fit was not made, or stopped early for want of time.
    """
    losses = record.sequence("fit_loss", name)
    if not losses or not isfinite(losses[0]) or losses[0] <= 0:
        return None
    if not isfinite(losses[-1]):
        return float("inf")
    end = median(losses[-TAIL:]) / losses[0]
    return end if len(losses) >= MINIMUM_STEPS or end < 0.5 else None


def require_fit(record: PreflightRecord) -> float:
    """The fit with the user's own optimiser. Raises `CannotJudge` where there is none."""
    fit = fit_of(record)
    if fit is None:
        raise CannotJudge("too few steps on the first batch, or a loss that is not positive")
    return fit


def fits_badly(record: PreflightRecord, limit: float = 0.95) -> bool:
    """Whether the own optimiser certainly does not fit the first batch."""
    fit = fit_of(record)
    return fit is not None and fit > limit
