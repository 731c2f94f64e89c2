"""An axis of layers, from the input to the output."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from defib.report.printable import shortened

MOST_NAMES = 14
CROWDED = 70
"""Letters of all names together, above which they are written slanting."""


def layer_axis(axes: Axes, names: Sequence[str]) -> None:
    """Let x run over the layers 1, 2, ..., named where there is room for it."""
    axes.set_xlim(0.7, max(len(names), 2) + 0.3)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("layer, from the input to the output")
    if len(names) > MOST_NAMES:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda position, _: f"{position:.0f}"))
        return
    labels = [shortened(name, 16) for name in names]
    axes.set_xticks(range(1, len(names) + 1), labels)
    is_crowded = sum(map(len, labels)) > CROWDED
    for tick in axes.get_xticklabels():
        tick.set_rotation(25 if is_crowded else 0)
        tick.set_horizontalalignment("right" if is_crowded else "center")
