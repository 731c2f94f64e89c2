"""Figures that show no finding of a run: an empty sheet, painted and made into a picture."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from defib.report.figures.kind import Caption, Picture
from defib.report.figures.style import BACKGROUND, UNITS_PER_INCH, WIDTH, figure_style
from defib.report.figures.svg import svg_element
from defib.report.printable import printable


def picture_of(paint: Callable[[Figure], Caption], *, height: int = 260) -> Picture:
    """What `paint` draws on an empty figure. `height` in the unit of the width, which is 640."""
    with figure_style():
        figure = Figure(
            figsize=(WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH),
            dpi=UNITS_PER_INCH,
            layout="constrained",
            facecolor=BACKGROUND,
        )
        caption = paint(figure)
        title, description = printable(caption.title), printable(caption.description)
        return Picture(title, description, svg_element(figure, f"{title}. {description}"))
