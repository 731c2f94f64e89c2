"""Series of one metric as lines over the steps."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import shade_non_finite, step_axis
from defib.report.figures.style import SERIES_COLOURS
from defib.report.figures.thinning import drawable, thinned
from defib.report.printable import shortened
from defib.report.quantities import number

MOST_LINES = 8


def draw_lines(axes: Axes, record: RunRecord, series: Mapping[str, Series]) -> list[Series]:
    """Draw up to eight series, and shade where one is NaN or infinite; what was drawn."""
    drawn = []
    few = list(series.items())[:MOST_LINES]
    for (name, each), colour in zip(few, SERIES_COLOURS, strict=False):
        shown = thinned(each, 400)
        axes.plot(
            shown.steps,
            shown.values,
            color=colour,
            linewidth=1.5,
            marker="o" if len(shown) < 40 else "",
            markersize=3,
            label=shortened(name, 24) if len(series) > 1 else "_only one",
        )
        drawn.append(shown)
    for each in list(series.values())[:1]:
        shade_non_finite(axes, each)
    step_axis(axes, record)
    return drawn


def lines_in_words(series: Mapping[str, Series]) -> str:
    """The first, the median and the last value of up to eight series."""
    return " ".join(
        f"{shortened(name, 40)}: {number(each.first)} at step {each.steps[0]:,}, "
        f"{number(each.last)} at step {each.steps[-1]:,}, median {number(drawable(each).median())}."
        for name, each in list(series.items())[:MOST_LINES]
        if each
    )
