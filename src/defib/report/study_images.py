"""Images in rows and columns as a panel of a study's picture."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.patches import Patch, Rectangle

from defib.records.chart import Image, ImageGrid, ImageKind
from defib.report.figures.style import BLUE, FINDING, GRID, INK, MUTED, SERIES_COLOURS

DIVERGING = LinearSegmentedColormap.from_list("difference", (FINDING, "#ffffff", BLUE))
CLASS_COLOURS = (GRID, *SERIES_COLOURS, "#f0e442", INK)
"""Of class 0, mostly the background, and those after it; further ones begin again at the second."""

SIDE = 0.94
"""Of an image, in units of its place."""
CAPTION = 0.2
"""Height that is kept below each image where there are captions, in units of its place."""

MOST_IN_A_ROW = 6
"""Entries of the legend."""


def draw_images(axes: Axes, panel: ImageGrid) -> None:
    """Each image as large as its place allows, pixels as squares, names above and to the left."""
    height = 1 + CAPTION * any(image and image.caption for row in panel.images for image in row)
    for row, images in enumerate(panel.images):
        for column, image in enumerate(images):
            if image is not None:
                _draw_image(axes, image, (column, row * height), panel.largest_difference)
    columns = max(map(len, panel.images))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(height * len(panel.images) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xticks(range(len(panel.columns)), panel.columns)
    names = [textwrap.fill(name, 14) for name in panel.rows]
    axes.set_yticks([at * height for at in range(len(names))], names)
    _explain(axes, panel)


def _draw_image(axes: Axes, image: Image, at: tuple[float, float], largest: float) -> None:
    pixels = np.array(image.pixels, dtype=float)
    longest = max(pixels.shape[:2])
    x, y = at
    half_height, half_width = (0.5 * SIDE * edge / longest for edge in pixels.shape[:2])
    edges = (x - half_width, x + half_width, y + half_height, y - half_height)
    axes.imshow(coloured(pixels, image.kind, largest), extent=edges, interpolation="none")
    axes.add_patch(_frame((edges[0], edges[3]), 2 * half_width, 2 * half_height))
    if image.caption:
        axes.text(
            x, y + 0.5 * SIDE + 0.03, image.caption, ha="center", va="top", fontsize=8.5, color=INK
        )


def _frame(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    return Rectangle(corner, width, height, fill=False, edgecolor=MUTED, linewidth=0.5)


def coloured(pixels: np.ndarray, kind: ImageKind, largest: float) -> np.ndarray:
    """Red, green and blue [rows, columns, 3] in [0, 1]; what lies beyond the ends is cut off."""
    if kind is ImageKind.CLASSES:
        colours = np.array([to_rgb(each) for each in CLASS_COLOURS])
        classes = pixels.astype(int)
        return colours[np.where(classes == 0, 0, 1 + (classes - 1) % (len(colours) - 1))]
    if kind is ImageKind.DIFFERENCE:
        return DIVERGING(np.clip(0.5 + 0.5 * pixels / largest, 0.0, 1.0))[..., :3]
    clipped = np.clip(pixels, 0.0, 1.0)
    return np.repeat(clipped[..., None], 3, axis=2) if kind is ImageKind.GREY else clipped


def _explain(axes: Axes, panel: ImageGrid) -> None:
    """Below the images: what the colours of differences and classes mean."""
    kinds = {image.kind for row in panel.images for image in row if image is not None}
    entries: list[tuple[str, str]] = []
    if ImageKind.DIFFERENCE in kinds:
        largest = panel.largest_difference
        named = ((f"{sign}{abs(at) * largest:g}", at) for sign, at in (("−", -1), ("+", 1)))
        entries += [(name, to_hex(DIVERGING(0.5 + 0.5 * at))) for name, at in named]
    if ImageKind.CLASSES in kinds:
        numbers = np.arange(len(panel.classes))[None]
        colours = coloured(numbers, ImageKind.CLASSES, 1.0)[0]
        entries += [(name, to_hex(each)) for name, each in zip(panel.classes, colours, strict=True)]
    handles = [Patch(facecolor=colour, edgecolor=MUTED, label=name) for name, colour in entries]
    if handles:
        axes.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.0, -0.01),
            ncols=len(handles) if len(handles) <= MOST_IN_A_ROW else -(-len(handles) // 2),
            handlelength=1.0,
            fontsize=9.5,
        )
