"""How far the order of the labels over batches is from a shuffled one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.rules.trend import constant_prediction_loss

WINDOW_EXAMPLES = 8
"""Examples that a window holds at least: a chi-square statistic of single examples is the
same in every order."""
NEIGHBOUR_PAIRS = 20
"""Pairs of directly consecutive steps above which pairs farther apart are left out: samples
many steps apart lie in different blocks of labels even where the order is kept."""


@final
@dataclass(frozen=True)
class LabelCounts:
    """Examples per class: `counts` has a row for each batch with labels, a column per class."""

    steps: np.ndarray
    counts: np.ndarray

    @property
    def batch_size(self) -> float:
        """Median number of labelled examples in a batch."""
        return float(np.median(self.counts.sum(axis=1))) if len(self.counts) else 0.0

    @property
    def minority_examples(self) -> float:
        """Examples of all classes but the most frequent one."""
        totals = self.counts.sum(axis=0)
        return float(totals.sum() - totals.max()) if totals.size else 0.0


def label_counts(run: RunRecord) -> LabelCounts:
    """The counts of all classes that were seen, at the steps at which labels were seen."""
    series = [each for each in run.of("label_count").values() if np.nansum(each.values) > 0]
    steps = np.unique(np.concatenate([each.steps for each in series] or [np.empty(0, int)]))
    counts = np.zeros((len(steps), len(series)))
    for column, each in enumerate(series):
        counts[np.searchsorted(steps, each.steps), column] = np.nan_to_num(each.values)
    seen = counts.sum(axis=1) > 0
    return LabelCounts(steps[seen], counts[seen])


@final
@dataclass(frozen=True)
class SerialCorrelation:
    """Correlation of the label shares of one batch with those of the next, in [-1, 1].

    sum (p_b - p).(p_b+1 - p) / sum |p_b - p|², about 0 in a shuffled order; `deviations` is
    that in standard deviations of a shuffled order. `nan` where all batches are alike.
    """

    value: float
    deviations: float


def serial_correlation(labels: LabelCounts) -> SerialCorrelation:
    shares = labels.counts / labels.counts.sum(axis=1, keepdims=True)
    offsets = shares - shares.mean(axis=0)
    moments = offsets.T @ offsets / len(offsets)
    power = float(np.trace(moments))
    if power <= 1e-12:
        return SerialCorrelation(float("nan"), float("nan"))
    is_pair = np.diff(labels.steps) == 1
    if is_pair.sum() < NEIGHBOUR_PAIRS:
        is_pair[:] = True
    products = (offsets[:-1] * offsets[1:]).sum(axis=1)[is_pair]
    value = float(products.mean()) / power
    # Independent offsets: the product of two has the variance tr(S²), S their covariance.
    error = float(np.linalg.norm(moments)) / power / np.sqrt(len(products))
    return SerialCorrelation(value, value / error)


@final
@dataclass(frozen=True)
class Dispersion:
    """How much the label mix differs between batches (or windows of small ones).

    `ratio` is the chi-square statistic against one common mix over its degrees of freedom:
    1 in a shuffled order. `share` is the part of the labels' variance that lies between
    batches beyond that, in [0, 1]: 1 where each batch holds a single class.
    """

    ratio: float
    share: float


def dispersion(labels: LabelCounts) -> Dispersion:
    counts = _windows(labels.counts)
    windows, classes = counts.shape
    if windows < 2 or classes < 2:
        return Dispersion(float("nan"), float("nan"))
    sizes = counts.sum(axis=1, keepdims=True)
    expected = sizes * counts.sum(axis=0) / counts.sum()
    ratio = float(((counts - expected) ** 2 / expected).sum() / ((windows - 1) * (classes - 1)))
    return Dispersion(ratio, (ratio - 1) / (float(sizes.mean()) - 1))


def _windows(counts: np.ndarray) -> np.ndarray:
    """Consecutive batches merged until each window holds enough examples."""
    starts, held = [0], 0.0
    for batch, size in enumerate(counts.sum(axis=1)):
        held += size
        if held >= WINDOW_EXAMPLES:
            starts.append(batch + 1)
            held = 0.0
    # What is left at the end is too little for a window and joins the one before.
    return np.add.reduceat(counts, starts[:-1] or [0], axis=0)


def forgets_at_changes(run: RunRecord, optimizer: str, labels: LabelCounts) -> bool:
    """Whether the loss exceeds a constant prediction's whenever the most frequent label changes.

    Only the later half of the changes counts: at first no network knows the classes.
    """
    losses = run.of("loss").get(optimizer)
    baseline = constant_prediction_loss(run, optimizer)
    if losses is None or baseline is None:
        return False
    changes = np.flatnonzero(np.diff(labels.counts.argmax(axis=1)))
    peaks = []
    for change in changes[len(changes) // 2 :]:
        # The change lies somewhere between two recorded batches.
        first, last = (int(step) for step in labels.steps[change : change + 2])
        between = losses.between(first + 1, last).finite()
        if between:
            peaks.append(float(between.values.max()))
    return bool(peaks) and float(np.median(peaks)) > baseline
