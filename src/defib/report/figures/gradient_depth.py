"""The size of the gradient of each layer, from the input to the loss."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import legend_above, logarithmic
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.style import BLUE, FINDING, SKY
from defib.report.figures.thinning import bounded
from defib.report.figures.weights import layer_of, root_mean_square, weight_series
from defib.report.printable import shortened
from defib.report.quantities import number

MOST_NAMES = 12


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    norms = weight_series(record, "gradient_norm")
    sizes = root_mean_square(record, norms)
    shown = norms if sizes is None else sizes
    first = np.array([_first_finite(series) for series in shown.values()])
    last = np.array([series.last for series in shown.values()])
    floor = _floor(np.concatenate([first, last]))
    logarithmic(axes)
    _draw(axes, first, floor, colour=SKY, label="first recorded step")
    _draw(axes, last, floor, colour=BLUE, label="last recorded step")
    axes.set_ylabel("gradient norm" if sizes is None else "gradient, root mean square")
    layers = [layer_of(record, name) for name in shown]
    _name_layers(axes, layers, finding.layer)
    legend_above(axes)
    return Caption("Gradient of each layer's weight, from the input to the loss", _words(shown))


def _first_finite(series: Series) -> float:
    finite = series.finite()
    return finite.first if finite else series.first


def _floor(values: np.ndarray) -> float:
    """Where a gradient of exactly zero is drawn: a decade below the least positive one."""
    positive = bounded(values[np.isfinite(values) & (values > 0)])
    return float(10 ** (np.floor(np.log10(positive.min())) - 1)) if len(positive) else 1e-8


def _draw(axes: Axes, values: np.ndarray, floor: float, *, colour: str, label: str) -> None:
    at = np.arange(1, len(values) + 1)
    is_zero = values == 0
    is_lost = ~np.isfinite(values)
    heights = np.where(is_zero | is_lost, np.nan, np.maximum(bounded(values), floor))
    axes.plot(
        at, heights, color=colour, marker="o", markersize=5 if len(at) < 30 else 2, label=label
    )
    if is_zero.any():
        axes.plot(
            at[is_zero],
            np.full(is_zero.sum(), floor),
            color=colour,
            marker="v",
            markerfacecolor="white",
            linestyle="none",
            label=f"exactly 0 ({label.partition(' ')[0]})",
        )
    if is_lost.any():
        axes.plot(
            at[is_lost],
            np.full(is_lost.sum(), floor),
            color=FINDING,
            marker="x",
            markeredgewidth=2,
            linestyle="none",
            label=f"NaN or infinite ({label.partition(' ')[0]})",
        )


def _name_layers(axes: Axes, layers: list[str], found: str) -> None:
    axes.set_xlim(0.7, max(len(layers), 2) + 0.3)
    axes.grid(visible=False, axis="x")
    if len(layers) > MOST_NAMES:
        axes.set_xlabel("layer, counted from the input")
    else:
        names = [shortened(layer, 16) for layer in layers]
        is_crowded = sum(map(len, names)) > 70
        axes.set_xticks(range(1, len(layers) + 1), names)
        for tick, layer in zip(axes.get_xticklabels(), layers, strict=True):
            tick.set_rotation(25 if is_crowded else 0)
            tick.set_horizontalalignment("right" if is_crowded else "center")
            tick.set_fontweight("bold" if layer == found else "normal")
        axes.set_xlabel("layer, from the input to the loss")
    if found in layers:
        axes.axvline(layers.index(found) + 1, color=FINDING, linewidth=12, alpha=0.12, zorder=0)


def _words(shown: dict[str, Series]) -> str:
    names = list(shown)
    return (
        f"At the last recorded step it is {number(shown[names[0]].last)} in "
        f"{shortened(names[0], 40)} and {number(shown[names[-1]].last)} in "
        f"{shortened(names[-1], 40)}."
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("gradient_norm",),
    rules=("vanishing-gradient", "parameter-without-gradient", "zero-initialization"),
)
