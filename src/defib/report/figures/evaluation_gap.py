"""Evaluation loss against training loss, with the best evaluation marked."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import legend_above, mark_step
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.loss_curve import (
    draw_evaluation_loss,
    draw_training_loss,
    first_loss,
    scale_loss,
)
from defib.report.figures.style import GREEN
from defib.report.figures.thinning import drawable, running_median
from defib.report.quantities import number


def paint(figure: Figure, record: RunRecord, _: Finding) -> Caption:
    axes = figure.add_subplot()
    evaluation = drawable(next(iter(record.of("evaluation_loss").values())))
    training = running_median(first_loss(record))
    if evaluation and training:
        _shade_gap(axes, evaluation, training)
    draw_training_loss(axes, record)
    draw_evaluation_loss(axes, record, joined=True)
    scale_loss(axes, record)
    title = "Evaluation loss against training loss, and the gap between them"
    if not evaluation:
        legend_above(axes)
        return Caption(title, "Every evaluation is NaN or infinite.")
    best = int(np.argmin(evaluation.values))
    step, lowest = int(evaluation.steps[best]), number(float(evaluation.values[best]))
    mark_step(axes, step, f"lowest evaluation loss: {lowest}, step {step:,}")
    legend_above(axes, marked_step=step)
    return Caption(
        title,
        f"The evaluation loss is lowest at step {step:,} with {lowest} and ends at "
        f"{number(evaluation.last)}.",
    )


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
    rules=("overfitting", "train-eval-gap", "evaluation-in-training-mode"),
    height=250,
)
