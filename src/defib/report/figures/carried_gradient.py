"""How much of the gradient of a step was left over from the step before."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.axes import legend_above, text_beside
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.lines import draw_lines, lines_in_words
from defib.report.figures.style import GREEN


def paint(figure: Figure, record: RunRecord, _: Finding) -> Caption:
    axes = figure.add_subplot()
    ratios = record.of("carried_gradient_ratio")
    draw_lines(axes, record, {name: each.finite() for name, each in ratios.items()})
    axes.axhline(0.0, color=GREEN, linewidth=2)
    axes.set_ylim(min(-0.05, axes.get_ylim()[0]), max(1.1, axes.get_ylim()[1]))
    text_beside(axes, 0.0, "with zero_grad it is exactly 0", "#00684c")
    axes.set_ylabel("left over / used")
    legend_above(axes)
    return Caption(
        "Gradient left over from the step before, relative to the gradient used",
        lines_in_words(ratios),
    )


FIGURE = FigureKind(paint=paint, metrics=("carried_gradient_ratio",), rules=("missing-zero-grad",))
