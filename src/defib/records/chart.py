"""Pictures of a study, described: what is drawn, not how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, final


@final
@dataclass(frozen=True)
class Line:
    """A curve; `low` and `high` bound it (an interval), `is_theory` draws it as a prediction."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    is_theory: bool = False
    is_dots: bool = False
    """Only its points, no line between them."""


@final
@dataclass(frozen=True)
class Mark:
    """A straight line across the picture at a value of one axis, with its name."""

    label: str
    at: float
    axis: str = "y"


@final
@dataclass(frozen=True)
class Lines:
    """Curves over a common axis."""

    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    title: str = ""
    is_log_x: bool = False
    is_log_y: bool = False
    marks: tuple[Mark, ...] = ()
    limits: tuple[float, float] | None = None
    """Of y."""


@final
@dataclass(frozen=True)
class BarSeries:
    """A bar for each category; `low` and `high` bound it (an interval)."""

    label: str
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@final
@dataclass(frozen=True)
class Bars:
    """Groups of bars, one group for each category."""

    categories: tuple[str, ...]
    series: tuple[BarSeries, ...]
    y_label: str
    title: str = ""
    x_label: str = ""
    is_log_y: bool = False
    marks: tuple[Mark, ...] = ()
    limits: tuple[float, float] | None = None


@final
@dataclass(frozen=True)
class Plane:
    """Points of two classes in the plane, and what a network says of every place.

    `grid` holds its outputs in rows from the lowest y to the highest; above `threshold` a place
    belongs to class 1.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    classes: tuple[int, ...]
    grid: tuple[tuple[float, ...], ...]
    extent: float
    """The picture reaches from −extent to extent in both directions."""
    title: str = ""
    threshold: float = 0.0


@final
@dataclass(frozen=True)
class Heat:
    """A number for each cell of a grid, written into it."""

    x_label: str
    y_label: str
    x: tuple[str, ...]
    y: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    """Rows from the first of `y`; in [`low`, `high`]."""
    title: str = ""
    low: float = 0.0
    high: float = 1.0
    texts: tuple[tuple[str, ...], ...] = field(default_factory=tuple)


@final
@dataclass(frozen=True)
class Violin:
    """The distribution of many values, by its quantiles: equally spaced levels from 0 to 1."""

    label: str
    quantiles: tuple[float, ...]


@final
@dataclass(frozen=True)
class Violins:
    """Distributions beside one another."""

    y_label: str
    violins: tuple[Violin, ...]
    title: str = ""
    x_label: str = ""


class ImageKind(Enum):
    """What the numbers of an image are."""

    GREY = "grey"
    """From 0, black, to 1, white."""
    COLOUR = "colour"
    """Red, green and blue of each pixel, from 0 to 1."""
    DIFFERENCE = "difference"
    """Of two images: below 0 darker, above 0 lighter than before."""
    CLASSES = "classes"
    """The number of each pixel's class."""


@final
@dataclass(frozen=True)
class Image:
    """Pixels in rows from the top."""

    pixels: tuple[tuple[float | tuple[float, float, float], ...], ...]
    kind: ImageKind = ImageKind.GREY
    caption: str = ""
    """Below the image; short."""


@final
@dataclass(frozen=True)
class ImageGrid:
    """Images in rows and columns, `None` where there is none; every place has the same size."""

    images: tuple[tuple[Image | None, ...], ...]
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    title: str = ""
    largest_difference: float = 1.0
    """What has the fullest colour, in either direction."""
    classes: tuple[str, ...] = ()
    """Their names, from class 0."""


Panel: TypeAlias = Lines | Bars | Plane | Heat | Violins | ImageGrid


@final
@dataclass(frozen=True)
class Chart:
    """One picture of one or several panels, with what it shows in words."""

    name: str
    """Of its files: words in lower case joined by hyphens."""
    title: str
    description: str
    panels: tuple[Panel, ...]
    columns: int = 1
    height: int = 300
    """Of a row of panels, in the unit of the width, which is 640."""
    shares_y: bool = False
