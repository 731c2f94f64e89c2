"""What a figure is, and what a file of this folder declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class Caption:
    """What stands under a figure, and what a reader who cannot see it is told.

    `description` says in words what the lines do, with numbers.
    """

    title: str
    description: str


@final
@dataclass(frozen=True)
class Picture:
    """A drawn figure: `svg` is one element, safe to put into a page as it is."""

    title: str
    description: str
    svg: str


Paint: TypeAlias = Callable[[Figure, RunRecord, Finding], Caption]
"""Draws on an empty figure; called only where one of the kind's metrics was recorded."""


@final
@dataclass(frozen=True)
class FigureKind:
    """A way to show a finding. A file of this folder declares one as `FIGURE`.

    It is drawn for the findings of `rules`, and for those of any other rule whose evidence
    names one of its `metrics`. It needs at least one of them recorded.
    """

    paint: Paint
    metrics: tuple[str, ...]
    rules: tuple[str, ...] = ()
    height: int = 230
    """In the unit of the width, which is 640."""
