"""The share of saturated sigmoid or tanh outputs of each layer over the steps."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.by_layer import draw_shares
from defib.report.figures.kind import Caption, FigureKind


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    words = draw_shares(figure, record, "saturated_fraction", finding, label="saturated [%]")
    return Caption("Sigmoid and tanh outputs where the derivative is nearly zero, by layer", words)


FIGURE = FigureKind(
    paint=paint,
    metrics=("saturated_fraction",),
    rules=("saturated-activation",),
)
