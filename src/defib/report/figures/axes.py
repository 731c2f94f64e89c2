"""Parts that many figures share: the step axis, marks on it, labels at the ends of lines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Affine2D

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.decades import Decades
from defib.report.figures.style import FINDING, INK
from defib.report.figures.thinning import non_finite_stretches
from defib.report.printable import shortened
from defib.report.quantities import number

DECADES_ON_A_LINEAR_AXIS = 2
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def step_axis(axes: Axes, record: RunRecord, *, label: str = "step") -> None:
    """Let x run over the steps of the training."""
    last = max(record.steps - 1, 1)
    axes.set_xlim(-0.01 * last, 1.01 * last)
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.grid(visible=False, axis="x")


def logarithmic(axes: Axes) -> None:
    """Make y logarithmic, with labels as `Decades` places them."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(Decades(7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))


def logarithmic_if_wide(axes: Axes, values: Iterable[np.ndarray]) -> None:
    """Make y logarithmic where the values are positive and span more than two decades."""
    every = np.concatenate([np.zeros(0), *values])
    if len(every) == 0 or every.min() <= 0:
        return
    if math.log10(every.max()) - math.log10(every.min()) > DECADES_ON_A_LINEAR_AXIS:
        logarithmic(axes)


def power_of_ten(value: float) -> str:
    """`0.01`, `1,000`, `10⁻⁵`: plain where a plain number is short."""
    if value <= 0 or 0.001 <= value < 100_000:
        return number(value)
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = number(round(value / 10.0**exponent, 3))
    power = f"10{str(exponent).translate(SUPERSCRIPTS)}"
    return power if factor == "1" else f"{factor}·{power}"


def mark_onset(axes: Axes, finding: Finding | None) -> None:
    """A vertical line where the finding begins, with its rule and step above the plot.

    The limits of x must be set before.
    """
    if finding is None:
        return
    step = finding.steps[0]
    is_late = step > sum(axes.get_xlim()) / 2
    axes.axvline(step, color=FINDING, linewidth=1.4, linestyle=(0, (4, 3)), zorder=3)
    axes.annotate(
        f"{shortened(finding.rule, 40)}, step {step:,}",
        xy=(step, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4 if is_late else -4, 5),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="bottom",
        color=FINDING,
        fontweight="bold",
        fontsize=10.5,
        annotation_clip=False,
    )


def shade_non_finite(axes: Axes, series: Series) -> None:
    """Shade the steps at which the series is `nan` or infinite."""
    label = "NaN or infinite"
    for first, last in non_finite_stretches(series):
        # Half a step to each side, so that a single step can be seen.
        axes.axvspan(
            first - 0.5, last + 0.5, color="#f6c9a8", alpha=0.55, linewidth=0, label=label, zorder=0
        )
        label = "_another stretch"


def legend_above(axes: Axes, *, is_marked: bool = False) -> None:
    """Put the legend over the plot, where it hides nothing; over the mark if there is one.

    A single line needs no legend: the caption names it.
    """
    handles, labels = axes.get_legend_handles_labels()
    if not labels or (len(labels) == 1 and isinstance(handles[0], Line2D)):
        return
    # In pixels, which are the figure's units: see UNITS_PER_INCH.
    rise = Affine2D().translate(0, 20 if is_marked else 5)
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        bbox_transform=axes.transAxes + rise,
        ncols=_columns(labels),
    )


def _columns(labels: list[str]) -> int:
    """As many as fit beside one another: a legend too wide would squeeze the plot."""
    room, letter, handle = 540, 6.8, 40
    return max(1, min(len(labels), 4, int(room / (letter * max(map(len, labels)) + handle))))


@final
@dataclass(frozen=True)
class LineEnd:
    """A label to put to the right of a line's last point."""

    text: str
    y: float
    colour: str
    is_bold: bool = False


def label_line_ends(axes: Axes, ends: Iterable[LineEnd]) -> None:
    """Write the labels beside the plot, at the height of their lines, none over another."""
    height = axes.get_window_extent().height or 1.0
    gap = 14 / height
    transform = axes.transData + axes.transAxes.inverted()
    placed = sorted(
        ((float(np.clip(transform.transform((0, end.y))[1], 0, 1)), end) for end in ends),
        key=lambda each: each[0],
    )
    for position, (_, end) in zip(
        apart([position for position, _ in placed], gap), placed, strict=True
    ):
        axes.text(
            1.012,
            position,
            end.text,
            transform=axes.transAxes,
            va="center",
            color=end.colour,
            fontsize=10.5,
            fontweight="bold" if end.is_bold else "normal",
        )


def apart(positions: list[float], gap: float) -> list[float]:
    """Ascending positions in [0, 1], moved by as little as keeps them `gap` apart."""
    result: list[float] = []
    for position in positions:
        result.append(max(position, result[-1] + gap) if result else position)
    ceiling = 1.0
    for index in range(len(result) - 1, -1, -1):
        result[index] = min(result[index], ceiling)
        ceiling = result[index] - gap
    return result


def text_beside(axes: Axes, y: float, text: str, colour: str = INK) -> None:
    """Write `text` inside the plot, right-aligned just above the height `y`."""
    axes.annotate(
        text,
        xy=(0.995, y),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=colour,
        fontsize=10,
    )
