"""How much each weight changes per step, relative to its size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import (
    LineEnd,
    label_line_ends,
    legend_above,
    logarithmic,
    mark_onset,
    shade_non_finite,
    step_axis,
)
from defib.report.figures.by_layer import LONGEST_LABEL
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.style import FINDING, GREEN, SERIES_COLOURS
from defib.report.figures.thinning import drawable, thinned
from defib.report.figures.weights import layer_of, weight_series
from defib.report.printable import shortened
from defib.report.quantities import number

USUAL = (1e-4, 1e-1)
"""Relative change per step in networks that train; 1e-3 is the rule of thumb of the CS231n
notes, and TheDeepChecker calls what lies outside these limits too low or too high."""

MOST_COLOURS = 8
POINTS = 3000
"""Of all lines together, so that a network of many layers stays a small picture."""


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    recorded = weight_series(record, "update_ratio")
    for series in list(recorded.values())[:1]:
        shade_non_finite(axes, series)
    ratios = {name: each for name, series in recorded.items() if (each := drawable(series))}
    logarithmic(axes)
    _draw_usual(axes, ratios)
    step_axis(axes, record)
    mark_onset(axes, finding if finding.steps[0] > 0 else None)
    legend_above(axes, is_marked=finding.steps[0] > 0)
    axes.set_ylabel("update / weight, per step")
    _draw_lines(axes, record, ratios, finding.layer)
    return Caption("Change of each weight per step, relative to its size", _words(ratios))


def _draw_usual(axes: Axes, ratios: Mapping[str, Series]) -> None:
    every = np.concatenate([np.array(USUAL), *(each.values for each in ratios.values())])
    positive = every[every > 0]
    axes.set_ylim(positive.min() / 3, positive.max() * 3)
    axes.axhspan(*USUAL, color=GREEN, alpha=0.10, linewidth=0, zorder=0)
    axes.annotate(
        "usual",
        xy=(0.995, USUAL[1]),
        xycoords=("axes fraction", "data"),
        xytext=(0, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        color="#00684c",
        fontsize=10,
    )


def _draw_lines(axes: Axes, record: RunRecord, ratios: Mapping[str, Series], found: str) -> None:
    is_crowded = len(ratios) > MOST_COLOURS
    bottom = axes.get_ylim()[0]
    ends = []
    for index, (name, series) in enumerate(ratios.items()):
        is_found = bool(found) and layer_of(record, name) == found
        colour = "#9aa5b1" if is_crowded else SERIES_COLOURS[index % MOST_COLOURS]
        colour = FINDING if is_found else colour
        shown = thinned(series, max(20, POINTS // len(ratios)))
        # A ratio of exactly zero lies on the lower edge: a logarithm has no place for it.
        heights = np.maximum(shown.values, bottom)
        axes.plot(
            shown.steps,
            heights,
            color=colour,
            linewidth=2.4 if is_found else 1.0 if is_crowded else 1.6,
            zorder=5 if is_found else 4,
        )
        if is_found or not is_crowded or index in (0, len(ratios) - 1):
            label = shortened(name, LONGEST_LABEL)
            ends.append(LineEnd(label, max(series.last, bottom), colour, is_bold=is_found))
    label_line_ends(axes, ends)


def _words(ratios: Mapping[str, Series]) -> str:
    medians = {name: each.median() for name, each in ratios.items()}
    if not medians:
        return "No weight changed."
    low, high = min(medians, key=medians.__getitem__), max(medians, key=medians.__getitem__)
    return (
        f"Medians over the run lie between {number(medians[low])} ({shortened(low, 40)}) and "
        f"{number(medians[high])} ({shortened(high, 40)}); usual is {number(USUAL[0])} to "
        f"{number(USUAL[1])}."
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("update_ratio",),
    rules=("learning-rate-too-low", "learning-rate-too-high"),
)
