"""Trains a few epochs with each of several learning rates, always from the same start."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

from defib.errors import UsageError
from defib.records.learning_rate_range import Candidate, CandidateRange
from defib.training.lr_range_test import RangeTraining, TrainingSteps, is_finite, remembered
from defib.training.steering import SteeredRates

LEARNT_SHARE = 0.1
"""Of the largest fall of the loss: what falls by less has not learnt clearly."""
CLEAR_FALL = 6.0
"""Standard errors of an epoch's mean loss by which the loss has to fall for any answer."""


def measure_candidates(
    training: RangeTraining, rates: Sequence[float], *, epochs: int, accumulation: int = 1
) -> CandidateRange:
    """Loss against learning rate, each of `rates` trained for `epochs`; all is restored.

    Every candidate begins with the same weights, state and random numbers, and so with the
    same batches. One whose loss is not finite goes no further.
    """
    rates = tuple(sorted(rates))
    if not rates or rates[0] <= 0 or not math.isfinite(rates[-1]) or epochs < 1:
        raise UsageError(
            "Expected positive candidates and at least one epoch, got "
            f"{', '.join(f'{each:g}' for each in rates) or 'no candidate'} and {epochs}."
        )
    begun = time.perf_counter()
    restoration = remembered(training)
    found: list[Candidate] = []
    first_epoch: tuple[float, ...] = ()
    try:
        for rate in rates:
            epoch_losses = _trained(training, rate, epochs, accumulation)
            first_epoch = first_epoch or epoch_losses[0]
            found.append(_candidate(rate, epoch_losses))
            restoration.restore()
    finally:
        restoration.restore()
    return _range_of(tuple(found), first_epoch, time.perf_counter() - begun)


def _trained(
    training: RangeTraining, rate: float, epochs: int, accumulation: int
) -> tuple[tuple[float, ...], ...]:
    """The losses of every step, epoch by epoch; the last one may end with one not finite."""
    steered = SteeredRates()
    losses: list[tuple[float, ...]] = []
    for _ in range(epochs):
        losses.append(_epoch(training, steered, rate, accumulation))
        if not math.isfinite(losses[-1][-1]):
            break
    return tuple(losses)


def _epoch(
    training: RangeTraining, steered: SteeredRates, rate: float, accumulation: int
) -> tuple[float, ...]:
    steps = TrainingSteps(training, accumulation, is_endless=False)
    losses: list[float] = []
    while not losses or math.isfinite(losses[-1]):
        steered.steer(training.optimizer, rate)
        try:
            loss = steps.take()
        except Exception:
            if not losses or is_finite(training.model):
                raise
            loss = math.nan
        finally:
            steered.release()
        if loss is None:
            break
        losses.append(loss)
    if not losses:
        raise UsageError("Expected batches to train on, but the loader gives too few for a step.")
    return tuple(losses)


def _candidate(rate: float, epochs: tuple[tuple[float, ...], ...]) -> Candidate:
    is_good = math.isfinite(epochs[-1][-1])
    finished = epochs if is_good else epochs[:-1]
    return Candidate(rate, tuple(statistics.fmean(each) for each in finished), is_good)


def _range_of(
    candidates: tuple[Candidate, ...], first_epoch: tuple[float, ...], seconds: float
) -> CandidateRange:
    """The range around the best candidate in which the loss falls clearly."""
    level = statistics.fmean(first_epoch)
    error = statistics.stdev(first_epoch) / len(first_epoch) ** 0.5 if len(first_epoch) > 1 else 0.0
    best = min(candidates, key=lambda each: each.loss)
    fall = level - best.loss
    if not fall > CLEAR_FALL * error:
        return CandidateRange(candidates, level, None, None, None, seconds)
    at = candidates.index(best)
    low = high = at
    while low > 0 and level - candidates[low - 1].loss >= LEARNT_SHARE * fall:
        low -= 1
    while high + 1 < len(candidates) and level - candidates[high + 1].loss >= LEARNT_SHARE * fall:
        high += 1
    ends = candidates[low].learning_rate, candidates[high].learning_rate
    return CandidateRange(candidates, level, ends[0], best.learning_rate, ends[1], seconds)
