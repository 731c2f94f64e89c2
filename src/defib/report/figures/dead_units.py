"""The share of dead ReLU units of each layer over the steps."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.by_layer import draw_shares
from defib.report.figures.kind import Caption, FigureKind


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    words = draw_shares(figure, record, "dead_unit_fraction", finding, label="dead units [%]")
    return Caption("ReLU units that output zero for every input, by layer", words)


FIGURE = FigureKind(paint=paint, metrics=("dead_unit_fraction",), rules=("dead-relu",))
