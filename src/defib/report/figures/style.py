"""Colours and type of all figures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

WIDTH = 640
"""Of every figure; a unit is a CSS pixel where the figure is shown in its own size."""
UNITS_PER_INCH = 72

# Okabe and Ito's palette, made for colour-blind readers; black and grey carry the rest.
INK = "#1f2933"
MUTED = "#5f6c7b"
GRID = "#e4e8ed"
BLUE = "#0072b2"
SKY = "#56b4e9"
FINDING = "#d55e00"
GREEN = "#009e73"
ORANGE = "#e69f00"
PURPLE = "#cc79a7"
BACKGROUND = "#ffffff"

SERIES_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, "#a0522d", "#4b5563", "#8c8c00")
"""For lines that are told apart by colour; the finding's own line is `FINDING`."""

# Any: a setting is a number, a text, a flag or a list, as its name says.
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "defib",
    "text.parse_math": False,
    "path.simplify": False,
    "font.family": "sans-serif",
    # Measured with the font that comes with matplotlib, so that every machine draws alike.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.edgecolor": "#c3cad3",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.xmargin": 0.01,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 5),
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "legend.labelcolor": INK,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "legend.borderaxespad": 0.0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.minor.size": 0,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Within it figures look the same whatever the user has set for their own."""
    settings: dict[Any, Any] = {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        # These choose windows, and changing them could open or close the user's.
        if not name.startswith(("backend", "interactive"))
    }
    with matplotlib.rc_context(settings | _SETTINGS), warnings.catch_warnings():
        # A layer name may use signs that the measuring font lacks; the browser has them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield
