"""A share per layer over the steps: lines for few layers, a map for many."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import LineEnd, label_line_ends, mark_onset, step_axis
from defib.report.figures.style import FINDING, INK, MUTED, SERIES_COLOURS
from defib.report.figures.thinning import drawable, thinned
from defib.report.printable import shortened
from defib.report.quantities import percent

MOST_LINES = 10
MAP_COLUMNS = 160
MOST_ROW_LABELS = 12
LONGEST_LABEL = 22

HEAT = LinearSegmentedColormap.from_list(
    "heat", ["#f3f5f8", "#fde0c5", "#f19a4f", "#c2500a", "#5c1f00"]
)
"""From light to dark in every kind of colour vision."""


def draw_shares(
    figure: Figure, record: RunRecord, metric: str, finding: Finding, *, label: str
) -> str:
    """Draw the metric, a share in [0, 1], of every layer in percent; the values in words."""
    layers = {name: drawable(series) for name, series in record.by_layer(metric)}
    axes = figure.add_subplot()
    if len(layers) > MOST_LINES:
        figure.set_figheight(figure.get_figheight() * 1.35)
        _draw_map(axes, record, layers, finding, label=label)
    else:
        _draw_lines(axes, layers, finding, label=label)
    step_axis(axes, record)
    mark_onset(axes, finding if finding.steps[0] > 0 else None)
    return shares_in_words(layers)


def shares_in_words(layers: Mapping[str, Series], most: int = 8) -> str:
    """The last value of each layer, the highest first."""
    last = sorted(
        ((series.last, name) for name, series in layers.items() if series),
        key=lambda each: -each[0],
    )
    words = [f"{shortened(name, LONGEST_LABEL)} {percent(value)}" for value, name in last[:most]]
    return f"At the end: {', '.join(words)}." if words else ""


def _draw_lines(axes: Axes, layers: Mapping[str, Series], finding: Finding, *, label: str) -> None:
    axes.set_ylim(-3, 103)
    axes.set_ylabel(label)
    ends = []
    for (name, series), colour in zip(layers.items(), colours_of(layers, finding), strict=True):
        is_found = name == finding.layer
        shown = thinned(series, 300)
        axes.plot(
            shown.steps,
            100 * shown.values,
            color=colour,
            linewidth=2.6 if is_found else 1.4,
            zorder=5 if is_found else 4,
        )
        if series:
            ends.append(
                LineEnd(shortened(name, LONGEST_LABEL), 100 * series.last, colour, is_bold=is_found)
            )
    label_line_ends(axes, ends)


def colours_of(names: Mapping[str, Series], finding: Finding) -> list[str]:
    """The finding's own layer stands out; where it names none, every line has its colour."""
    if finding.layer in names:
        return [FINDING if name == finding.layer else "#7b8794" for name in names]
    return [SERIES_COLOURS[index % len(SERIES_COLOURS)] for index in range(len(names))]


def _draw_map(
    axes: Axes, record: RunRecord, layers: Mapping[str, Series], finding: Finding, *, label: str
) -> None:
    last = max(record.steps - 1, 1)
    grid = np.linspace(0, last, MAP_COLUMNS)
    rows = np.stack([_held(series, grid) for series in layers.values()])
    axes.imshow(
        rows,
        cmap=HEAT,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="none",
        extent=(0, last, len(layers) - 0.5, -0.5),
    )
    axes.grid(visible=False)
    axes.set_ylabel("layer, from the input down")
    names = list(layers)
    found = {names.index(finding.layer)} if finding.layer in names else set()
    shown = _labelled_rows(len(names), found)
    axes.set_yticks(shown, [shortened(names[row], LONGEST_LABEL) for row in shown])
    for tick, row in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_color(FINDING if row in found else MUTED)
        tick.set_fontweight("bold" if row in found else "normal")
    _draw_key(axes, label)


def _labelled_rows(rows: int, found: set[int]) -> list[int]:
    """About a dozen rows and those found, none so near that their labels touch."""
    every = max(1, -(-rows // MOST_ROW_LABELS))
    regular = range(0, rows, every)
    return sorted(found | {row for row in regular if all(abs(row - at) >= every for at in found)})


def _held(series: Series, grid: np.ndarray) -> np.ndarray:
    """The value at each place of the grid: the last that was recorded before it, else NaN."""
    if not series:
        return np.full(len(grid), np.nan)
    at = np.searchsorted(series.steps, grid, side="right") - 1
    return np.where(at >= 0, series.values[np.maximum(at, 0)], np.nan)


def _draw_key(axes: Axes, label: str) -> None:
    key = axes.inset_axes((1.02, 0.0, 0.025, 1.0))
    key.imshow(
        np.linspace(1, 0, 64)[:, None],
        cmap=HEAT,
        aspect="auto",
        interpolation="none",
        extent=(0, 1, 0, 100),
    )
    key.set_xticks([])
    key.yaxis.tick_right()
    key.yaxis.set_label_position("right")
    key.set_yticks([0, 50, 100])
    key.set_ylabel(label, color=INK)
    key.grid(visible=False)
