"""Whether a script trains the same way twice from the same seed."""

from __future__ import annotations

import numpy as np

from defib.records.run import RunRecord


def is_same_training(one: RunRecord, other: RunRecord) -> bool | None:
    """Whether two trials have the same losses, bit by bit, at the steps that both have.

    Both ran on this machine with the same number of threads, so that nothing but the script or
    an operation that is not deterministic can make them differ. `None` without a loss in both.
    """
    pairs = [(one.of("loss")[each], other.of("loss")[each]) for each in _optimizers(one, other)]
    if not pairs or any(min(len(a), len(b)) == 0 for a, b in pairs):
        return None
    return all(
        np.array_equal(a.values[a.steps < end], b.values[b.steps < end], equal_nan=True)
        for a, b in pairs
        for end in [1 + min(a.steps[-1], b.steps[-1])]
    )


def _optimizers(one: RunRecord, other: RunRecord) -> list[str]:
    return [each for each in one.of("loss") if each in other.of("loss")]
