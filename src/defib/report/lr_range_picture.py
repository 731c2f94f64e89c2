"""A learning-rate range test as a picture: raw losses, smooth curve, marks, other tools' rules."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from defib.errors import UsageError
from defib.records.learning_rate_range import LearningRateRange
from defib.report.figures.axes import power_of_ten
from defib.report.figures.style import (
    BACKGROUND,
    BLUE,
    FINDING,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    UNITS_PER_INCH,
    WIDTH,
    figure_style,
)
from defib.report.lr_range_words import rate, summary
from defib.report.printable import printable

FORMATS = (".png", ".svg", ".pdf")
_HEIGHT = 430
_PIXELS_PER_INCH = 144
"""Twice what a figure is drawn for: sharp on fine screens."""
_COLOURS = {
    "conservative": GREEN,
    "steepest": BLUE,
    "suggestion": PURPLE,
    "largest stable": FINDING,
}


def save_range_picture(path: Path, found: LearningRateRange) -> None:
    """Write the picture to `path`, in the format of its ending.

    Raises `UsageError` for another ending than those of `FORMATS`, and where `path` cannot be
    written.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"`{path}` must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}: that is how the "
            "format of the picture is chosen."
        )
    with figure_style():
        figure = range_figure(found)
        try:
            figure.savefig(path, dpi=_PIXELS_PER_INCH, facecolor=BACKGROUND)
        except OSError as error:
            raise UsageError(f"`{path}` cannot be written ({error.strerror}).") from error


def range_figure(found: LearningRateRange) -> Figure:
    """The losses above, what other tools' rules say below; to be called within `figure_style`."""
    figure = Figure(
        figsize=(WIDTH / UNITS_PER_INCH, _HEIGHT / UNITS_PER_INCH), layout="constrained"
    )
    curve, rules = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.3))
    curve.set_title(printable(summary(found)), loc="left", fontsize=11.5, color=INK, pad=26)
    _draw_losses(curve, found)
    _draw_marks(curve, found)
    _draw_rules(rules, found)
    curve.set_xscale("log")
    for axis in (curve.xaxis, rules.xaxis):
        axis.set_major_locator(LogLocator(numticks=12))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    rules.set_xlabel("learning rate")
    curve.set_ylabel("loss of the batch after the step")
    return figure


def _draw_losses(axes: Axes, found: LearningRateRange) -> None:
    rates, losses = np.array(found.sweep.learning_rates), np.array(found.sweep.losses)
    low, high = _limits(found, losses)
    axes.set_ylim(low, high)
    is_beyond = ~(losses <= high)
    inside = ~is_beyond
    axes.plot(rates[inside], losses[inside], ".", color="#9aa5b1", markersize=3.5, zorder=2)
    top = np.full(int(is_beyond.sum()), high - 0.015 * (high - low))
    axes.plot(rates[is_beyond], top, "^", color="#9aa5b1", markersize=4, zorder=2)
    smooth = np.array(found.smooth)
    axes.plot(rates[: len(smooth)], np.clip(smooth, low, high), color=INK, linewidth=2, zorder=4)


def _limits(found: LearningRateRange, losses: np.ndarray) -> tuple[float, float]:
    """From the lowest loss to as far above the first one as that is below it."""
    finite = losses[np.isfinite(losses)]
    first = found.sweep.first_loss
    if not len(finite):
        return -1.0, 1.0
    low = float(finite.min())
    usual = float(np.quantile(finite, 0.9))
    start = first if math.isfinite(first) else usual
    high = min(float(finite.max()), max(start, usual) + 0.6 * max(start - low, 1e-9))
    margin = 0.05 * max(high - low, 1e-9)
    return low - margin, high + margin


def _draw_marks(axes: Axes, found: LearningRateRange) -> None:
    drawn = (
        ("conservative", found.conservative, 0.0),
        ("steepest", found.steepest, 0.27),
        ("suggestion", found.suggestion, 0.49),
        ("largest stable", found.largest_stable, 0.74),
    )
    for name, mark, place in drawn:
        if mark is None:
            continue
        colour = _COLOURS[name]
        axes.axvspan(mark.low, mark.high, color=colour, alpha=0.15, linewidth=0, zorder=1)
        axes.axvline(mark.value, color=colour, linewidth=1.6, zorder=3)
        axes.text(
            place,
            1.02,
            f"▌{name} {rate(mark.value)}",
            transform=axes.transAxes,
            color=colour,
            fontsize=10.5,
            fontweight="bold",
            va="bottom",
        )


def _draw_rules(axes: Axes, found: LearningRateRange) -> None:
    """A row for each rule: its name, and a diamond where its suggestion lies."""
    names = [each.name for each in found.others]
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=True, axis="x")
    for row, each in enumerate(found.others):
        if each.learning_rate is None:
            axes.text(0.01, row, "says nothing", transform=axes.get_yaxis_transform(), va="center")
        else:
            axes.plot(each.learning_rate, row, "D", color=MUTED, markersize=5)
    for mark, name in ((found.steepest, "steepest"), (found.largest_stable, "largest stable")):
        if mark is not None:
            axes.axvline(mark.value, color=_COLOURS[name], linewidth=1.2, zorder=1)
