"""The training loss and the evaluations, as lines on given axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import logarithmic_if_wide, shade_non_finite, step_axis
from defib.report.figures.style import GREEN, ORANGE, PURPLE, SERIES_COLOURS
from defib.report.figures.thinning import drawable, running_median, thinned
from defib.report.printable import shortened
from defib.report.quantities import number

MOST_OPTIMIZERS = 3
MOST_EVALUATIONS = 3
EVALUATION_COLOURS = (GREEN, PURPLE, ORANGE)


def draw_training_loss(axes: Axes, record: RunRecord) -> None:
    """Every loss as a thin line under the running median; NaN and infinity as shade."""
    losses = dict(list(record.of("loss").items())[:MOST_OPTIMIZERS])
    for (name, series), colour in zip(losses.items(), SERIES_COLOURS, strict=False):
        raw, median = thinned(series), running_median(series)
        is_dense = len(raw) > len(median) or len(raw) > 40
        axes.plot(raw.steps, raw.values, color=colour, linewidth=0.7, alpha=0.35)
        axes.plot(
            median.steps,
            median.values,
            color=colour,
            marker="" if is_dense else "o",
            markersize=3,
            label="training" if len(losses) == 1 else f"training, {shortened(name, 20)}",
        )
        shade_non_finite(axes, series)
    step_axis(axes, record)
    axes.set_ylabel("loss")


def draw_evaluation_loss(axes: Axes, record: RunRecord, *, joined: bool = False) -> None:
    """The mean loss of each evaluation as a dot."""
    evaluations = dict(list(record.of("evaluation_loss").items())[:MOST_EVALUATIONS])
    for (name, series), colour in zip(evaluations.items(), EVALUATION_COLOURS, strict=False):
        shown = thinned(series, 300)
        place = "" if len(evaluations) == 1 else f" {shortened(name.partition(' < ')[0], 24)}"
        axes.plot(
            shown.steps,
            shown.values,
            color=colour,
            marker="o",
            markersize=4.5 if len(shown) < 60 else 3,
            linestyle="-" if joined else "none",
            linewidth=1.2,
            label=f"evaluation{place}",
            zorder=4,
        )


def scale_loss(axes: Axes, record: RunRecord, *metrics: str) -> None:
    """Logarithmic where the metrics, which must be what is drawn, span over two decades."""
    series = [each for metric in metrics for each in record.of(metric).values()]
    logarithmic_if_wide(axes, [drawable(each).values for each in series])


def loss_in_words(series: Series) -> str:
    """From where to where the loss went, its least value, and whether it was lost."""
    finite = series.finite()
    if not finite:
        return "It is NaN or infinite at every step."
    least = int(np.argmin(finite.values))
    words = (
        f"It goes from {number(finite.first)} at step {finite.steps[0]:,} to "
        f"{number(finite.last)} at step {finite.steps[-1]:,}; its least value is "
        f"{number(float(finite.values[least]))} at step {finite.steps[least]:,}."
    )
    lost = len(series) - len(finite)
    return words + (f" At {lost:,} of {len(series):,} steps it is NaN or infinite." if lost else "")


def first_loss(record: RunRecord) -> Series:
    """The loss of the first optimiser; empty if none was recorded."""
    return next(iter(record.of("loss").values()), Series.of([]))
