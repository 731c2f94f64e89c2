"""The learning rate above the loss, on the same steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.axes import legend_above, logarithmic_if_wide, mark_onset, step_axis
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.loss_curve import draw_training_loss, scale_loss
from defib.report.figures.style import SERIES_COLOURS
from defib.report.figures.thinning import drawable, thinned
from defib.report.printable import shortened
from defib.report.quantities import number

ALONE_HEIGHT = 170


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    if not record.of("loss"):
        return paint_alone(figure, record)
    rate, loss = figure.subplots(2, 1, height_ratios=(2, 3), sharex=True)
    _draw_rate(rate, record)
    rate.set_xlabel("")
    draw_training_loss(loss, record)
    scale_loss(loss, record, "loss")
    mark_onset(loss, finding)
    return Caption("Learning rate, and the loss below it", _words(record))


def paint_alone(figure: Figure, record: RunRecord) -> Caption:
    """The learning rate without the loss."""
    _draw_rate(figure.add_subplot(), record)
    return Caption("Learning rate as it was used", _words(record))


def _draw_rate(axes: Axes, record: RunRecord) -> None:
    rates = record.of("learning_rate")
    for (name, series), colour in zip(rates.items(), SERIES_COLOURS, strict=False):
        shown = thinned(series, 600)
        axes.plot(
            shown.steps,
            shown.values,
            color=colour,
            drawstyle="steps-post",
            label=shortened(name, 24) if len(rates) > 1 else "_only one",
        )
    every = [drawable(each).values for each in rates.values()]
    # A decay to zero is wide too, but only a ramp over decades needs a logarithm to be seen.
    if _is_mostly_low(np.concatenate([np.zeros(0), *every])):
        logarithmic_if_wide(axes, every)
    if axes.get_yscale() == "linear":
        low, high = axes.get_ylim()
        axes.set_ylim(min(0.0, low), high + 0.1 * (high - min(0.0, low)))
    step_axis(axes, record)
    axes.set_ylabel("learning rate")
    legend_above(axes)


def _is_mostly_low(values: np.ndarray) -> bool:
    return len(values) > 0 and bool(np.median(values) < 0.05 * values.max())


def _words(record: RunRecord) -> str:
    return " ".join(
        f"{shortened(name, 24)}: from {number(series.first)} to {number(series.last)}, "
        f"at most {number(float(series.values.max()))}."
        for name, series in record.of("learning_rate").items()
        if series
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("learning_rate",),
    height=330,
)
