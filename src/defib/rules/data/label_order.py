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
NEIGHBOUR_PAIRS = 8
"""Pairs of batches for a correlation: with fewer, four standard deviations cannot be reached."""
REFERENCE_BATCHES = 400
"""Batches, evenly spread, all pairs of which show what distance is usual."""


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
        """Examples of all classes but the most frequent one, without the batch that has most:
        a single odd batch is no order."""
        if not self.counts.size:
            return 0.0
        frequent = self.counts.sum(axis=0).argmax()
        others = self.counts.sum(axis=1) - self.counts[:, frequent]
        return float(others.sum() - others.max())


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
    """Correlation of the label shares of one batch with those of the next, at most 1.

    1 - d / D (von Neumann's ratio): d is the mean squared distance of neighbours, D that of
    any two batches. About 0 in a shuffled order; `deviations` is the value in standard
    deviations of a shuffled order. `nan` where all batches are alike.
    """

    value: float
    deviations: float


def serial_correlation(labels: LabelCounts) -> SerialCorrelation:
    """That of directly consecutive steps, or of recorded ones, whichever is surer.

    The first batches of a run are recorded densely and may all lie in one block of labels;
    of those recorded later, neighbours may lie in different blocks.
    """
    shares = labels.counts / labels.counts.sum(axis=1, keepdims=True)
    usual = _distances(shares[:: max(1, len(shares) // REFERENCE_BATCHES)])
    mean = float(usual.mean())
    if mean <= 1e-12:
        return SerialCorrelation(float("nan"), float("nan"))
    # Hoeffding: a distance is a part for each of its batches plus a rest without correlation.
    part = float(usual.mean(axis=1).var())
    rest = max(float(usual.var()) - 2 * part, 0.0)
    distances = ((shares[1:] - shares[:-1]) ** 2).sum(axis=1)
    found = []
    for chosen in (distances, distances[np.diff(labels.steps) == 1]):
        if len(chosen) >= NEIGHBOUR_PAIRS:
            value = 1 - float(chosen.mean()) / mean
            # Where all batches are neighbours, their parts cancel against those in the mean.
            variance = rest + 4 * part * (1 - len(chosen) / len(distances))
            error = np.sqrt(variance / len(chosen)) / mean
            found.append(SerialCorrelation(value, value / max(float(error), 1e-12)))
    return max(found, key=lambda each: each.deviations)


def _distances(shares: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs of different batches, a row for each batch."""
    norms = (shares**2).sum(axis=1)
    every = norms[:, None] + norms - 2 * shares @ shares.T
    others = ~np.eye(len(shares), dtype=bool)
    return every[others].reshape(len(shares), -1)


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
