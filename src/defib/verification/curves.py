"""What the yardsticks of a comparison show over the steps of a trial, for pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.records.trial import Curve, Yardstick

POINTS = 200
"""Of a curve."""

_EVALUATIONS = {
    Yardstick.EVALUATION_LOSS: "evaluation_loss",
    Yardstick.EVALUATION_ACCURACY: "evaluation_accuracy",
    Yardstick.EVALUATION_BALANCED_ACCURACY: "evaluation_balanced_accuracy",
}


def curves_of(record: RunRecord, constant_loss: float) -> tuple[Curve, ...]:
    """Of all yardsticks but the training loss; of a single point where one stopped early.

    `constant_loss` is that of the best constant prediction, `nan` where there is none.
    """
    return tuple(
        Curve(yardstick, tuple(map(int, series.steps)), tuple(map(float, series.values)))
        for yardstick, series in _series(record, constant_loss)
        if series
    )


def thinned(series: Series) -> Series:
    """Averages over neighbouring steps, at most `POINTS` of them."""
    width = max(1, -(-len(series) // POINTS))
    blocks = [slice(start, start + width) for start in range(0, len(series), width)]
    values = [float(series.values[each].mean()) for each in blocks]
    return Series.of(values, [int(series.steps[each][0]) for each in blocks])


def _series(record: RunRecord, constant_loss: float) -> Iterator[tuple[Yardstick, Series]]:
    for yardstick, metric in _EVALUATIONS.items():
        known = [each for each in record.of(metric).values() if each]
        if known:
            # The worst, as in what is compared: the others see the training data again.
            choose = min if yardstick.is_accuracy else max
            yield yardstick, thinned(choose(known, key=lambda each: each.values[-1]))
    for accuracy in list(record.of("accuracy").values())[:1]:
        yield Yardstick.ACCURACY, thinned(accuracy)
    for losses in list(record.of("loss").values())[:1]:
        if math.isfinite(constant_loss):
            curve = thinned(losses)
            relative = np.asarray(curve.values) / constant_loss
            yield Yardstick.RELATIVE_LOSS, Series.of(relative.tolist(), curve.steps.tolist())
