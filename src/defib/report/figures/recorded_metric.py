"""Any recorded metric as lines: for findings that no other figure is for."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import legend_above, logarithmic_if_wide, mark_onset
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.lines import MOST_LINES, draw_lines, lines_in_words
from defib.report.quantities import label_of


def figure_of(metric: str) -> FigureKind:
    """A figure of the one metric."""
    return FigureKind(paint=partial(paint, metric), metrics=(metric,))


def paint(metric: str, figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    series = _shown(record, metric, finding)
    drawn = draw_lines(axes, record, series)
    logarithmic_if_wide(axes, [each.values for each in drawn])
    axes.set_ylabel(label_of(metric))
    mark_onset(axes, finding)
    legend_above(axes, is_marked=True)
    return Caption(label_of(metric).capitalize(), lines_in_words(series))


def _shown(record: RunRecord, metric: str, finding: Finding) -> dict[str, Series]:
    """Up to eight subjects, those of the finding's layer first."""
    every = dict(record.by_layer(metric))
    own = {name: each for name, each in every.items() if _belongs(name, finding.layer)}
    return dict(list((own | every).items())[:MOST_LINES])


def _belongs(subject: str, layer: str) -> bool:
    return bool(layer) and (subject == layer or subject.rpartition(".")[0] == layer)
