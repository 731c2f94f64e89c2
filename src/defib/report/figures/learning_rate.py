"""The learning rate above the loss, on the same steps."""

from __future__ import annotations

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


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    if not record.of("loss"):
        rate = figure.add_subplot()
        _draw_rate(rate, record)
    else:
        rate, loss = figure.subplots(2, 1, height_ratios=(2, 3), sharex=True)
        _draw_rate(rate, record)
        draw_training_loss(loss, record)
        scale_loss(loss, record)
        mark_onset(loss, finding)
        rate.set_xlabel("")
    return Caption("Learning rate, and the loss below it", _words(record))


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
    logarithmic_if_wide(axes, [drawable(each).values for each in rates.values()])
    if axes.get_yscale() == "linear":
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    step_axis(axes, record)
    axes.set_ylabel("learning rate")
    legend_above(axes)


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
    rules=("learning-rate-too-high", "learning-rate-schedule", "learning-rate-decays-to-zero"),
    height=330,
)
