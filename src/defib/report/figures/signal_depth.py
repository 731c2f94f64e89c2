"""Variance of activations and gradients against depth, measured and as the theory predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.analysis.signal_propagation.results import LayerSignal, Moments, Pass, SignalPropagation
from defib.report.figures.axes import legend_above, logarithmic
from defib.report.figures.drawing import picture_of
from defib.report.figures.kind import Caption, Picture
from defib.report.figures.layer_axis import layer_axis
from defib.report.figures.style import BLUE, ORANGE
from defib.report.quantities import number


def signal_depth_picture(propagation: SignalPropagation) -> Picture | None:
    """The picture; `None` where fewer than two layers with weights were measured."""
    layers = [each for each in propagation.layers if each.initialization is not None]
    if sum(_measured(each.forward) is not None for each in layers) < 2:
        return None
    return picture_of(lambda figure: _paint(figure, layers))


def _paint(figure: Figure, layers: Sequence[LayerSignal]) -> Caption:
    axes = figure.add_subplot()
    logarithmic(axes)
    for name, passes, colour in (
        ("activations", [each.forward for each in layers], BLUE),
        ("gradients", [each.backward for each in layers], ORANGE),
    ):
        _draw(axes, [_measured(each) for each in passes], colour, f"{name}, measured", "-")
        _draw(axes, [each.predicted_layer for each in passes], colour, f"{name}, theory", ":")
    axes.set_ylabel("mean square")
    layer_axis(axes, [each.layer for each in layers])
    legend_above(axes)
    return Caption("Signals and gradients against depth, at initialisation", _words(layers))


def _measured(each: Pass) -> float | None:
    moments: Moments | None = each.layer
    return None if moments is None else moments.second_moment


def _draw(axes: Axes, values: Sequence[float | None], colour: str, label: str, style: str) -> None:
    heights = [
        math.nan if value is None or not math.isfinite(value) or value <= 0 else value
        for value in values
    ]
    if all(math.isnan(height) for height in heights):
        return
    marker = "o" if style == "-" and len(heights) < 40 else ""
    at = range(1, len(heights) + 1)
    axes.plot(at, heights, color=colour, linestyle=style, marker=marker, markersize=4, label=label)


def _words(layers: Sequence[LayerSignal]) -> str:
    values = [value for each in layers if (value := _measured(each.forward)) is not None]
    gradients = [value for each in layers if (value := _measured(each.backward)) is not None]
    words = f"Mean square of the activations: {number(values[0])} after the first layer with "
    words += f"weights, {number(values[-1])} after the last."
    if gradients:
        words += f" Of the gradients: {number(gradients[-1])} at the last, "
        words += f"{number(gradients[0])} at the first."
    return words
