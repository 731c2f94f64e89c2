"""How uneven the classes are, and whether the rare ones are recognised."""

from __future__ import annotations

import numpy as np

from defib.records.series import Series
from defib.rules.data.label_order import LabelCounts


def perplexity(counts: np.ndarray) -> float:
    """exp(entropy) over the number of classes, in (0, 1]: 1 if all are equally frequent.

    `counts` are positive. Source: TheDeepChecker.
    """
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(counts))


def minority_recall(labels: LabelCounts, accuracy: Series, first: int) -> float:
    """Share of the examples outside the most frequent class that are recognised, if all
    inside it are; `nan` if there are none. A collapse onto another class makes it negative.
    """
    steps, rows, places = np.intersect1d(labels.steps, accuracy.steps, return_indices=True)
    rows, places = rows[steps >= first], places[steps >= first]
    sizes = labels.counts[rows].sum(axis=1)
    majority = labels.counts[rows, labels.counts.sum(axis=0).argmax()]
    rare = float((sizes - majority).sum())
    if rare == 0:
        return float("nan")
    return float(np.nansum(accuracy.values[places] * sizes - majority)) / rare
