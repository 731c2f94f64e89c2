"""How a loss developed: shared by the rules that ask whether a training succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series


@final
@dataclass(frozen=True)
class Trend:
    """Start, end and noise of a loss, in the unit of the loss.

    `start` is what a constant prediction would reach, where the targets are known, or the
    first losses' median, whichever is less: a first step that blows the loss up must not
    make the rest look like progress. `noise` is the standard deviation from step to step
    (from differences of neighbours, so that a trend does not count) near the end.
    """

    start: float
    end: float
    lowest: float
    noise: float
    end_error: float
    """Standard error of `end`."""
    has_baseline: bool

    @property
    def gain(self) -> float:
        """Share of the starting loss that was removed; negative where the loss grew."""
        return (self.start - self.end) / max(abs(self.start), 1e-12)

    @property
    def is_learning(self) -> bool:
        """The loss fell by more than 5 % and by more than its noise can explain.

        5 %: AutoTrainer and TheDeepChecker call 1-5 % over a run "no improvement".
        4 standard errors: one false call in 30,000 for normal noise.
        """
        fall = self.start - self.end
        return bool(fall > 0.05 * abs(self.start) and fall > 4 * self.end_error)


def loss_trend(run: RunRecord, optimizer: str, *, last: int | None = None) -> Trend | None:
    """The trend of the loss of `optimizer`, up to step `last`; `None` under 10 finite losses."""
    series = run.of("loss").get(optimizer)
    if series is None:
        return None
    if last is not None:
        series = series.between(0, last)
    finite = series.finite()
    if len(finite) < 10:
        return None
    tail = finite.part(0.9, 1.0) if len(finite) >= 50 else finite.part(1 - 5 / len(finite), 1.0)
    noise = _step_noise(finite.part(0.5, 1.0))
    baseline = constant_prediction_loss(run, optimizer)
    start = float(np.median(finite.values[:3]))
    if baseline is not None:
        start = min(start, baseline)
    return Trend(
        start=start,
        end=float(np.median(tail.values)),
        lowest=_smoothed_minimum(finite),
        noise=noise,
        # The median's standard error is 1.25 times the mean's for normal noise.
        end_error=1.25 * noise / np.sqrt(len(tail)),
        has_baseline=baseline is not None,
    )


def constant_prediction_loss(run: RunRecord, optimizer: str) -> float | None:
    """The least loss of a step that a prediction independent of the input can reach.

    Cross-entropies: the entropy of the labels seen, in nats. Squared error: the variance
    of the targets seen. Times what is added up in a step: the examples of a summed loss, the
    batches of an accumulation without a mean. `None` for other losses, where targets were not
    seen, and where it is not known how many are added up.
    """
    mean = mean_constant_prediction_loss(run, optimizer)
    fact = run.loss_of(optimizer)
    if mean is None or fact is None:
        return None
    if fact.reduction == "sum":
        examples = summed_examples(run)
        return None if examples is None else mean * examples
    return mean * accumulated_batches(run, optimizer)


def summed_examples(run: RunRecord) -> float | None:
    """How many losses of examples a summed loss adds up; `None` where that is not known."""
    counts = run.of("label_count").values()
    if not counts:
        return None
    steps = next(iter(counts)).steps
    totals = sum((each.values for each in counts if len(each) == len(steps)), np.zeros(len(steps)))
    examples = float(np.median(totals)) if len(steps) else 0.0
    return examples if examples > 0 else None


def accumulated_batches(run: RunRecord, optimizer: str) -> int:
    """How many batches the loss of a step adds up without dividing by their number; mostly 1.

    Several calls of `backward` in a step, and a first loss nearer to as many times that of a
    constant prediction than to that loss itself. A closure that is called several times in a
    step evaluates the same batch.
    """
    losses = run.of("loss").get(optimizer)
    if len(run.of("loss")) != 1 or not losses or run.steps < 2:
        return 1
    calls = round(run.coverage.backward_calls / run.steps)
    mean = mean_constant_prediction_loss(run, optimizer)
    first = losses.first
    if calls < 2 or not mean or not np.isfinite(first):
        return 1
    return calls if first > np.sqrt(calls) * mean else 1


@lru_cache(maxsize=4)
def mean_constant_prediction_loss(run: RunRecord, optimizer: str) -> float | None:
    """`constant_prediction_loss` of one example, as a mean loss and an evaluation have it."""
    fact = run.loss_of(optimizer)
    kind = fact.kind if fact else "unknown"
    if kind in ("cross-entropy", "binary-cross-entropy"):
        return _label_entropy(run)
    if kind == "mean-squared-error":
        return _target_variance(run, optimizer)
    return None


def label_totals(run: RunRecord) -> dict[str, float]:
    """How often each class was seen, over all sampled batches."""
    return {
        label: float(np.nansum(series.values)) for label, series in run.of("label_count").items()
    }


def _label_entropy(run: RunRecord) -> float | None:
    counts = np.array([count for count in label_totals(run).values() if count > 0])
    # A single class seen so far says nothing about the ones to come.
    if len(counts) < 2:
        return None
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _target_variance(run: RunRecord, optimizer: str) -> float | None:
    means = run.of("target_mean").get(optimizer)
    deviations = run.of("target_std").get(optimizer)
    if means is None or deviations is None:
        return None
    return float(np.nanmean(deviations.values**2) + np.nanvar(means.values))


def _step_noise(series: Series) -> float:
    differences = np.diff(series.values)
    if len(differences) == 0:
        return 0.0
    # 1.4826 turns a median absolute deviation into a standard deviation; two values differ.
    return float(1.4826 * np.median(np.abs(differences)) / np.sqrt(2))


def _smoothed_minimum(series: Series) -> float:
    width = max(1, len(series) // 20)
    kernel = np.ones(width) / width
    return float(np.convolve(series.values, kernel, mode="valid").min())


def target_deviation(run: RunRecord, optimizer: str) -> float | None:
    """Standard deviation of all targets seen; `None` where they were not seen or are classes."""
    variance = _target_variance(run, optimizer)
    return None if variance is None else float(np.sqrt(variance))
