"""Each kind of panel of a study's picture, drawn. Told apart without colour: by dash and marker,
hatch, or a label."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter, NullLocator

from defib.records.chart import Bars, BarSeries, Heat, Line, Lines, Mark, Plane, Violins
from defib.report.figures.axes import logarithmic, power_of_ten
from defib.report.figures.by_layer import HEAT
from defib.report.figures.decades import Decades
from defib.report.figures.style import BLUE, FINDING, INK, SERIES_COLOURS
from defib.report.quantities import number

DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)), (0, (3, 1.5)), "-", (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oo")
FILLS = (BLUE, "#f0c36d", "#bfe3d6", "#e6bfd3", "#cfe6f5", "#d9c3ae", "#d3d8de")
"""Of bars: one dark and then light ones, which their hatches tell apart."""

MOST_MARKERS = 30
"""Points of a line beyond which markers would hide it."""

CLASS_FILLS = ListedColormap(["#fbe3cf", "#d3e6f3"])
CLASS_COLOURS = (FINDING, BLUE)


def draw_lines(axes: Axes, panel: Lines) -> None:
    """Curves, each with a dash and a marker of its own; theory dotted and black."""
    if panel.is_log_x:
        _logarithmic_x(axes)
    if panel.is_log_y:
        logarithmic(axes)
    measured = [line for line in panel.lines if not line.is_theory]
    for line in panel.lines:
        if line.is_theory:
            axes.plot(
                line.x, line.y, color=INK, linewidth=1.3, linestyle=":", label=line.label, zorder=6
            )
        else:
            _draw_line(axes, line, measured.index(line), is_log=panel.is_log_y)
    if panel.limits:
        axes.set_ylim(*panel.limits)
    _mark(axes, panel.marks)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _draw_line(axes: Axes, line: Line, index: int, *, is_log: bool) -> None:
    colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
    axes.plot(
        line.x,
        line.y,
        color=colour,
        linestyle="" if line.is_dots else DASHES[index % len(DASHES)],
        marker=MARKERS[index % len(MARKERS)],
        markevery=max(1, len(line.x) // (8 if len(line.x) > MOST_MARKERS else MOST_MARKERS)),
        markersize=4.5,
        label=line.label,
        zorder=4,
    )
    if line.low and line.high:
        low = np.array(line.low)
        if is_log:
            # An interval that reaches 0 has no lower end on this axis: it is left out.
            low = np.where(low > 0, low, np.nan)
        axes.fill_between(line.x, low, line.high, color=colour, alpha=0.18, linewidth=0)


def draw_bars(axes: Axes, panel: Bars) -> None:
    """Groups of bars with their intervals, told apart by hatches."""
    if panel.is_log_y:
        logarithmic(axes)
    width = 0.8 / len(panel.series)
    at = np.arange(len(panel.categories))
    for index, series in enumerate(panel.series):
        offset = (index - (len(panel.series) - 1) / 2) * width
        axes.bar(
            at + offset,
            series.values,
            0.92 * width,
            color=FILLS[index % len(FILLS)],
            hatch=HATCHES[index % len(HATCHES)],
            edgecolor=INK,
            linewidth=0.6,
            label=series.label,
            zorder=3,
        )
        _whiskers(axes, at + offset, series)
    names = [textwrap.fill(name, 14) for name in panel.categories]
    axes.set_xticks(at, names)
    axes.grid(visible=False, axis="x")
    if panel.limits:
        axes.set_ylim(*panel.limits)
    _mark(axes, panel.marks)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _whiskers(axes: Axes, at: np.ndarray, series: BarSeries) -> None:
    if not series.low:
        return
    values = np.array(series.values, dtype=float)
    low, high = np.array(series.low, dtype=float), np.array(series.high, dtype=float)
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(values)
    if known.any():
        spread = np.abs(np.stack([values - low, high - values]))[:, known]
        axes.errorbar(
            at[known],
            values[known],
            spread,
            fmt="none",
            ecolor=INK,
            elinewidth=1.3,
            capsize=3,
            # In front of the bars, which would hide the lower half.
            zorder=5,
        )


def draw_plane(axes: Axes, panel: Plane) -> None:
    """Points of two classes over the two regions into which a network parts the plane."""
    reach = (-panel.extent, panel.extent)
    classes = np.array(panel.grid) > panel.threshold
    axes.imshow(
        classes,
        origin="lower",
        extent=(*reach, *reach),
        cmap=CLASS_FILLS,
        vmin=0,
        vmax=1,
        interpolation="none",
    )
    for label, (colour, marker) in enumerate(zip(CLASS_COLOURS, ("o", "^"), strict=True)):
        chosen = np.array(panel.classes) == label
        axes.scatter(
            np.array(panel.x)[chosen],
            np.array(panel.y)[chosen],
            s=11,
            c=colour,
            marker=marker,
            edgecolors="#ffffff" if label else INK,
            linewidths=0.4,
            zorder=4,
        )
    axes.set_xlim(reach)
    axes.set_ylim(reach)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_xticks([reach[0], 0, reach[1]])
    axes.set_yticks([reach[0], 0, reach[1]])


def draw_heat(axes: Axes, panel: Heat) -> None:
    """A map with the number of each cell written into it."""
    values = np.array(panel.values, dtype=float)
    span = (panel.high - panel.low) or 1.0
    axes.imshow(values, cmap=HEAT, vmin=panel.low, vmax=panel.high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = panel.texts[row][column] if panel.texts else number(float(value))
        is_dark = (value - panel.low) / span > 0.55
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=9.5,
            color="#ffffff" if is_dark else INK,
        )
    axes.set_xticks(range(len(panel.x)), panel.x)
    axes.set_yticks(range(len(panel.y)), panel.y)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.grid(visible=False)


def draw_violins(axes: Axes, panel: Violins) -> None:
    """Distributions by their quantiles: a bar to each side as wide as the density there."""
    for at, violin in enumerate(panel.violins):
        edges, density = _density(np.array(violin.quantiles, dtype=float))
        half = 0.42 * density / max(density.max(), 1e-300)
        axes.fill_betweenx(
            edges,
            at - half,
            at + half,
            color=SERIES_COLOURS[0],
            alpha=0.55,
            linewidth=0.6,
            edgecolor=INK,
            zorder=3,
        )
        middle = float(np.median(violin.quantiles))
        axes.plot([at - 0.18, at + 0.18], [middle, middle], color=INK, linewidth=1.6, zorder=5)
    names = [violin.label for violin in panel.violins]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _density(quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights and the density there, from a smoothed histogram of equally likely values."""
    low, high = float(quantiles.min()), float(quantiles.max())
    if high - low <= 1e-12 * max(1.0, abs(high)):
        margin = 1e-3 * max(1.0, abs(high))
        return np.array([low - margin, low, high + margin]), np.array([0.0, 1.0, 0.0])
    bandwidth = 0.03 * (high - low)
    places = np.linspace(low, high, 120)
    distance = (places[:, None] - quantiles[None, :]) / bandwidth
    return places, np.exp(-0.5 * distance**2).sum(axis=1)


def _logarithmic_x(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(Decades(9))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))


def _mark(axes: Axes, marks: Sequence[Mark]) -> None:
    for index, mark in enumerate(marks):
        draw = axes.axhline if mark.axis == "y" else axes.axvline
        draw(
            mark.at,
            color=INK,
            linewidth=1.3,
            linestyle=DASHES[1 + index % 3],
            label=mark.label,
            zorder=2.5,
        )
