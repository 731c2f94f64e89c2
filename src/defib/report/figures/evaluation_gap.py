"""Evaluation loss against training loss, with the step at which they part."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import legend_above, mark_onset
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.loss_curve import (
    draw_evaluation_loss,
    draw_training_loss,
    first_loss,
    loss_in_words,
    scale_loss,
)
from defib.report.figures.style import GREEN
from defib.report.figures.thinning import drawable, running_median


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    evaluation, training = _worst_evaluation(record), running_median(first_loss(record))
    if evaluation and training:
        _shade_gap(axes, evaluation, training)
    draw_training_loss(axes, record)
    draw_evaluation_loss(axes, record, joined=True)
    scale_loss(axes, record, "loss", "evaluation_loss")
    mark_onset(axes, finding)
    legend_above(axes, is_marked=True)
    return Caption(
        "Evaluation loss against training loss, and the gap between them",
        f"Evaluation: {loss_in_words(evaluation)} Training: {loss_in_words(training)}",
    )


def _worst_evaluation(record: RunRecord) -> Series:
    """The one that ends highest: another may be an evaluation on the training data."""
    every = map(drawable, record.of("evaluation_loss").values())
    return max(every, key=lambda each: each.last if each else -np.inf)


def _shade_gap(axes: Axes, evaluation: Series, training: Series) -> None:
    level = np.interp(evaluation.steps, training.steps, training.values)
    axes.fill_between(
        evaluation.steps,
        level,
        evaluation.values,
        where=(evaluation.values > level).tolist(),
        color=GREEN,
        alpha=0.10,
        linewidth=0,
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("evaluation_loss",),
    rules=("overfitting",),
    height=250,
)
