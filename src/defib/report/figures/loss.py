"""The loss over the steps, with the step at which the finding begins."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.axes import legend_above, mark_onset
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.loss_curve import (
    draw_evaluation_loss,
    draw_training_loss,
    first_loss,
    loss_in_words,
    scale_loss,
)


def paint(figure: Figure, record: RunRecord, finding: Finding | None) -> Caption:
    axes = figure.add_subplot()
    draw_training_loss(axes, record)
    draw_evaluation_loss(axes, record)
    scale_loss(axes, record, "loss", "evaluation_loss")
    mark_onset(axes, finding)
    legend_above(axes, is_marked=finding is not None)
    onset = f" {finding.rule} begins at step {finding.steps[0]:,}." if finding else ""
    return Caption(
        "Loss at every step: thin line, its running median bold",
        f"Loss over {record.steps:,} steps. {loss_in_words(first_loss(record))}{onset}",
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("loss",),
    rules=("loss-plateau", "loss-divergence", "non-finite-value", "too-few-epochs"),
    height=250,
)
