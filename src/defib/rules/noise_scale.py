"""The gradient noise scale at the first batch, for the rules that compare the batch with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge

MEASURED = ("gradient_noise", "gradient_signal", "gradient_signal_error", "batch_examples")
"""What the probe measures for it."""
ERRORS = 2.0
"""Standard errors of the signal to either side: about 95 % of normal errors."""


@final
@dataclass(frozen=True)
class FirstNoiseScale:
    """tr(Σ) / |G|² in examples: at a batch of that size, noise and signal are equally large.

    `low` and `high` are its values at both ends of the interval of |G|²; `high` is infinite, and
    `value` may be, where the gradient cannot be told from noise.
    """

    value: float
    low: float
    high: float
    batch: float


@final
@dataclass(frozen=True)
class BatchTrial:
    """How far the loss of held-out examples fell after as many examples in batches of two sizes."""

    own: float
    other: float
    other_size: float
    examples: float

    def sentence(self) -> str:
        """What came of both sizes."""
        return (
            f"After {self.examples:.0f} examples the loss of held-out ones had "
            f"{_changed(self.own)}, in batches of {self.other_size:.0f} {_changed(self.other)}."
        )


def _changed(progress: float) -> str:
    if not math.isfinite(progress):
        return "become no number"
    return f"fallen by {progress:.3g}" if progress >= 0 else f"risen by {-progress:.3g}"


def batch_trial(record: PreflightRecord) -> BatchTrial:
    """The experiment with another batch size. Raises `CannotJudge` where it was not made."""
    progress = record.of("batch_trial_progress")
    if not progress:
        reason = record.not_measured.get("batch_trial_progress", "not measured")
        raise CannotJudge(f"no other batch size was tried: {reason}")
    return BatchTrial(
        progress["own"],
        progress["other"],
        record.value("batch_trial_size"),
        record.value("batch_trial_examples"),
    )


def first_noise_scale(record: PreflightRecord) -> FirstNoiseScale:
    """The noise scale with the initial weights; `nan` where a gradient was not finite."""
    noise, signal, error, batch = (record.value(each) for each in MEASURED)

    def scale(square: float) -> float:
        return noise / square if square > 0 else math.inf

    if not math.isfinite(noise + signal + error) or noise < 0:
        return FirstNoiseScale(math.nan, math.nan, math.nan, batch)
    low, high = signal + ERRORS * error, signal - ERRORS * error
    return FirstNoiseScale(scale(signal), scale(low), scale(high), batch)
