"""A schedule as a picture in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from defib.errors import UsageError
from defib.report.figures.style import BACKGROUND, BLUE, UNITS_PER_INCH, WIDTH, figure_style
from defib.report.quantities import number

FORMATS = (".png", ".svg", ".pdf")
_HEIGHT = 280
_PIXELS_PER_INCH = 144
"""Twice what a figure is drawn for: sharp on fine screens."""


def save_schedule_figure(
    path: Path, values: np.ndarray, *, title: str, quantity: str, is_log: bool = False
) -> None:
    """Write a picture of `values` over the steps to `path`, in the format of its ending.

    Raises `UsageError` for another ending than those of `FORMATS`, and where `path` cannot be
    written.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"`{path}` must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}: that is how the "
            "format of the picture is chosen."
        )
    with figure_style():
        figure = schedule_figure(values, title=title, quantity=quantity, is_log=is_log)
        try:
            figure.savefig(path, dpi=_PIXELS_PER_INCH, facecolor=BACKGROUND)
        except OSError as error:
            raise UsageError(f"`{path}` cannot be written ({error.strerror}).") from error


def schedule_figure(
    values: np.ndarray, *, title: str, quantity: str, is_log: bool = False
) -> Figure:
    """`values` over the steps, one line; to be called within `figure_style`."""
    figure = Figure(
        figsize=(WIDTH / UNITS_PER_INCH, _HEIGHT / UNITS_PER_INCH), layout="constrained"
    )
    axes = figure.add_subplot()
    # Steps and not slopes between the points: the value holds for the whole optimiser step.
    axes.plot(np.arange(len(values)), values, color=BLUE, drawstyle="steps-post")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("optimiser step")
    axes.set_ylabel(quantity)
    if is_log and (values > 0).any():
        axes.set_yscale("log", nonpositive="mask")
        # The figures' own style writes no mathematics, which powers of ten would be.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=min(0.0, float(values.min())))
    return figure
