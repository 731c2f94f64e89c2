"""The pictures of a study, drawn: SVG for pages, SVG and PNG for slides."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from defib.records.chart import Bars, Chart, Heat, ImageGrid, Lines, Plane, Violins
from defib.report.figures.style import BACKGROUND, INK, UNITS_PER_INCH, WIDTH, figure_style
from defib.report.figures.svg import svg_element
from defib.report.printable import printable
from defib.report.study_images import draw_images
from defib.report.study_panels import (
    draw_bars,
    draw_heat,
    draw_lines,
    draw_plane,
    draw_violins,
)

PNG_SCALE = 3
"""Pixels per unit: 1920 wide, enough for a slide."""

LEGEND_HANDLE = 52
"""Width of a line's sample in the legend with the gaps around it, in the unit of the width."""

HANDLE = 2.8
"""Length of that sample, in letters."""

TITLE_SIZE, TITLE_PAD = 11.5, 6.0
"""Of the title of a panel, and its distance to what is under it, in points."""
POINTS_PER_INCH = 72

Draw: TypeAlias = Callable[[Axes, Any], None]

DRAW: Mapping[type, Draw] = {
    Lines: draw_lines,
    Bars: draw_bars,
    Plane: draw_plane,
    Heat: draw_heat,
    Violins: draw_violins,
    ImageGrid: draw_images,
}
"""How each kind of panel is drawn."""


@final
@dataclass(frozen=True)
class StudyPicture:
    """A drawn chart: `svg` is one element, safe to put into a page; `png` the bytes of a file."""

    name: str
    title: str
    description: str
    svg: str
    png: bytes


def drawn(chart: Chart) -> StudyPicture:
    """The chart as SVG and PNG; the same chart gives the same bytes."""
    with figure_style():
        title, description = printable(chart.title), printable(chart.description)
        svg = svg_element(painted_chart(chart), f"{title}. {description}")
        buffer = io.BytesIO()
        # No version of the software in it, so that the same chart gives the same bytes.
        FigureCanvasAgg(painted_chart(chart, scale=PNG_SCALE)).print_png(
            buffer, metadata={"Software": None}
        )
    return StudyPicture(chart.name, title, description, svg, buffer.getvalue())


def write_pictures(pictures: tuple[StudyPicture, ...], folder: Path) -> None:
    """Write `NAME.svg` and `NAME.png` of each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        alone = picture.svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        (folder / f"{picture.name}.svg").write_text(alone + "\n", encoding="utf-8")
        (folder / f"{picture.name}.png").write_bytes(picture.png)


def painted_chart(chart: Chart, scale: float = 1) -> Figure:
    """The chart as a figure; `scale` is in pixels per unit."""
    columns = min(chart.columns, len(chart.panels))
    rows = -(-len(chart.panels) // columns)
    figure = Figure(
        figsize=(WIDTH / UNITS_PER_INCH, rows * chart.height / UNITS_PER_INCH),
        dpi=UNITS_PER_INCH * scale,
        layout="constrained",
        facecolor=BACKGROUND,
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=chart.shares_y)
    every: np.ndarray = grid.reshape(-1)
    for axes, panel in zip(every, chart.panels, strict=False):
        DRAW[type(panel)](axes, panel)
        if panel.title:
            axes.set_title(panel.title, fontsize=TITLE_SIZE, color=INK, loc="left")
    for axes in every[len(chart.panels) :]:
        axes.remove()
    _legend(figure, columns)
    return figure


def _legend(figure: Figure, panels_beside: int) -> None:
    """One above all panels where they show the same; else each panel has its own above it."""
    found = [_labelled(axes) for axes in figure.axes]
    named = [each for each in found if each]
    if all(set(each) == set(named[0]) for each in named):
        every = {label: handle for each in named for label, handle in each.items()}
        if len(every) > 1:
            columns = _legend_columns(every, WIDTH)
            figure.legend(
                every.values(),
                every.keys(),
                loc="outside upper left",
                ncols=columns,
                handlelength=HANDLE,
            )
        return
    for axes, each in zip(figure.axes, found, strict=True):
        if len(each) > 1:
            columns = _legend_columns(each, WIDTH / panels_beside)
            legend = axes.legend(
                each.values(),
                each.keys(),
                loc="lower left",
                bbox_to_anchor=(0.0, 1.01),
                ncols=columns,
                handlelength=HANDLE,
                fontsize=9.5,
            )
            _raise_title(axes, legend)


def _raise_title(axes: Axes, legend: Legend) -> None:
    """Put the title of a panel over its legend."""
    title = axes.get_title(loc="left")
    if title:
        points = legend.get_window_extent().height * POINTS_PER_INCH / axes.figure.dpi
        axes.set_title(title, fontsize=TITLE_SIZE, color=INK, loc="left", pad=points + TITLE_PAD)


def _labelled(axes: Axes) -> dict[str, Any]:
    """The drawn things of a panel by their label."""
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def _legend_columns(labels: Mapping[str, Any], width: float) -> int:
    """As many as fit beside one another."""
    longest = max(map(len, labels))
    return max(1, min(len(labels), int(0.94 * width / (6.4 * longest + LEGEND_HANDLE))))
