"""How the receptive field grows from layer to layer, beside the size of the input."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.architecture import Architecture, Exactness, LayerRecord
from defib.report.figures.axes import text_beside
from defib.report.figures.drawing import picture_of
from defib.report.figures.kind import Caption, Picture
from defib.report.figures.layer_axis import layer_axis
from defib.report.figures.style import BLUE, MUTED, ORANGE

FEWEST_LAYERS = 2


def field_growth_picture(architecture: Architecture) -> Picture | None:
    """The picture; `None` where fewer than two layers have a field along some axis."""
    layers = [layer for layer in architecture.layers if layer.is_leaf and _sizes(layer)]
    if len(layers) < FEWEST_LAYERS:
        return None
    return picture_of(lambda figure: _paint(figure, architecture, layers))


def _sizes(layer: LayerRecord) -> tuple[int, ...]:
    field = layer.receptive_field
    if field is None or field.exactness is Exactness.UNKNOWN or field.is_global:
        return ()
    return tuple(axis.size for axis in field.axes)


def _paint(figure: Figure, architecture: Architecture, layers: Sequence[LayerRecord]) -> Caption:
    axes = figure.add_subplot()
    names = [layer.name or layer.type for layer in layers]
    at = range(1, len(layers) + 1)
    last = _sizes(layers[-1])
    are_square = all(len(set(_sizes(layer))) == 1 for layer in layers)
    shown = 1 if are_square else len(last)
    for axis, colour in zip(range(shown), (BLUE, ORANGE, MUTED), strict=False):
        values = [_sizes(layer)[min(axis, len(_sizes(layer)) - 1)] for layer in layers]
        axes.plot(
            at,
            values,
            color=colour,
            marker="o",
            markersize=4 if len(layers) < 40 else 2,
            drawstyle="steps-mid" if len(layers) > 40 else "default",
            label=f"axis {axis + 1}",
        )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("receptive field, input positions")
    layer_axis(axes, names)
    if shown > 1:
        axes.legend(loc="upper left")
    input_size = _mark_input(axes, architecture, len(last))
    return Caption("Receptive field of each layer", _words(layers, input_size))


def _mark_input(axes: Axes, architecture: Architecture, spatial: int) -> int:
    """Draw the size of the input along its last axis, where there is one to compare with."""
    sizes = architecture.inputs[0].dimensions[-spatial:] if architecture.inputs else ()
    if not sizes:
        return 0
    axes.axhline(sizes[-1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
    text_beside(axes, sizes[-1], f"size of the input, {sizes[-1]:,}", MUTED)
    axes.set_ylim(top=max(axes.get_ylim()[1], 1.15 * sizes[-1]))
    return sizes[-1]


def _words(layers: Sequence[LayerRecord], input_size: int) -> str:
    first, last = (
        "×".join(f"{size:,}" for size in _sizes(layer)) for layer in (layers[0], layers[-1])
    )
    grown = f"It grows from {first} to {last} input positions over {len(layers)} layers."
    exceeding = next((each for each in layers if max(_sizes(each)) >= input_size > 0), None)
    if exceeding is None:
        return grown
    return f"{grown} From `{exceeding.name or exceeding.type}` on it covers the whole input."
