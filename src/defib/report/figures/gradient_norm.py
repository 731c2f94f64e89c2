"""The norm of all gradients together over the steps."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.axes import legend_above, logarithmic_if_wide, mark_onset
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.lines import draw_lines, lines_in_words


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    norms = record.of("total_gradient_norm")
    drawn = draw_lines(axes, record, norms)
    logarithmic_if_wide(axes, [each.values for each in drawn])
    axes.set_ylabel("gradient norm")
    mark_onset(axes, finding)
    legend_above(axes, is_marked=True)
    return Caption("Norm of all gradients together", lines_in_words(norms))


FIGURE = FigureKind(
    paint=paint,
    metrics=("total_gradient_norm",),
    rules=("exploding-gradient",),
)
