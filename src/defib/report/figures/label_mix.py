"""Which classes each sampled batch holds, beside the mix of all of them."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.style import INK
from defib.report.printable import printable
from defib.report.quantities import percent

MOST_BATCHES = 200
MOST_NAMED_CLASSES = 12
MOST_LETTERS = 40
"""Of all names of classes together: what fits into one line over the picture."""
ROWS = 100
"""Height of the picture in pixels: one for each percent."""

# Paul Tol's "muted" palette and black: told apart by colour-blind readers.
COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77"),
    *("#cc6677", "#882255", "#aa4499", "#777777", "#e8601c", "#222222"),
)


def paint(figure: Figure, record: RunRecord, _: Finding) -> Caption:
    labels = _in_order(tuple(record.of("label_count")))
    steps, counts = _counts(record, labels)
    batches, overall = figure.subplots(1, 2, width_ratios=(18, 1))
    colours = _colours(len(labels))
    shown = np.unique(np.linspace(0, len(steps) - 1, MOST_BATCHES).astype(int))
    _draw_strip(batches, counts[:, shown], colours)
    _draw_strip(overall, counts.sum(axis=1, keepdims=True), colours)
    batches.set_ylabel("share of the batch [%]")
    batches.set_xlabel("sampled batches, by step")
    at = np.unique(np.linspace(0, len(shown) - 1, 7).astype(int))
    batches.set_xticks(at + 0.5, [f"{steps[shown[index]]:,}" for index in at])
    overall.set_xticks([0.5], ["all"])
    overall.set_yticks([])
    if len(labels) <= MOST_NAMED_CLASSES and sum(map(len, labels)) <= MOST_LETTERS:
        _name_classes(batches, labels, colours)
    return Caption(
        "Classes in each sampled batch; at the right, the mix of all of them",
        _words(labels, counts),
    )


def _in_order(labels: tuple[str, ...]) -> tuple[str, ...]:
    """By number where the labels are numbers."""
    return tuple(sorted(labels, key=lambda label: (not label.isdecimal(), len(label), label)))


def _counts(record: RunRecord, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The steps, and the count of each label (rows) at each of them (columns)."""
    series = record.of("label_count")
    steps = np.unique(np.concatenate([np.asarray(series[label].steps) for label in labels]))
    counts = np.zeros((len(labels), len(steps)))
    for row, label in enumerate(labels):
        at = np.searchsorted(steps, series[label].steps)
        counts[row, at] = np.nan_to_num(series[label].values, posinf=0, neginf=0).clip(0, 1e12)
    return steps, counts


def _colours(classes: int) -> np.ndarray:
    """A colour for each class, (classes, 3): named ones for few, a scale for many."""
    if classes <= MOST_NAMED_CLASSES:
        return np.array([to_rgb(COLOURS[index]) for index in range(classes)]).reshape(-1, 3)
    return matplotlib.colormaps["viridis"](np.linspace(0, 1, classes))[:, :3]


def _draw_strip(axes: Axes, counts: np.ndarray, colours: np.ndarray) -> None:
    """Each batch as a column in which the classes lie on each other by their shares."""
    totals = counts.sum(axis=0)
    bounds = np.cumsum(counts, axis=0) / np.where(totals > 0, totals, 1)
    heights = (np.arange(ROWS) + 0.5) / ROWS
    # (row, batch): how many classes end below this height is the class at this height.
    owners = (bounds[None] <= heights[:, None, None]).sum(axis=1).clip(0, len(colours) - 1)
    pixels = np.where((totals > 0)[None, :, None], colours[owners], 1.0)
    axes.imshow(
        (255 * pixels).round().astype(np.uint8),
        aspect="auto",
        interpolation="none",
        origin="lower",
        extent=(0, counts.shape[1], 0, 100),
    )
    axes.grid(visible=False)


def _name_classes(axes: Axes, labels: tuple[str, ...], colours: np.ndarray) -> None:
    handles = [
        Patch(facecolor=tuple(colour), label=printable(label))
        for label, colour in zip(labels, colours, strict=True)
    ]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.02),
        ncols=len(handles),
        handlelength=0.9,
        handletextpad=0.3,
        columnspacing=0.9,
        labelcolor=INK,
    )


def _words(labels: tuple[str, ...], counts: np.ndarray) -> str:
    totals = counts.sum(axis=0)
    filled = counts[:, totals > 0]
    if not filled.size:
        return "No labels were seen."
    top = float(np.median(filled.max(axis=0) / filled.sum(axis=0)))
    overall = float(filled.sum(axis=1).max() / filled.sum())
    return (
        f"{len(labels):,} classes. The most frequent class of a batch makes up {percent(top)} of "
        f"it (median); over all batches the most frequent class makes up {percent(overall)}."
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("label_count",),
    rules=("label-ordered-batches", "class-imbalance"),
)
