"""Losses with and without a fix: a line for each seed, their mean, and the band between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from defib.records.trial import TrialResult
from defib.report.figures.axes import legend_above, logarithmic_if_wide
from defib.report.figures.drawing import picture_of
from defib.report.figures.kind import Caption, Picture
from defib.report.figures.style import BLUE, FINDING
from defib.report.quantities import count, number

POINTS = 200


def paired_curves(before: Sequence[TrialResult], after: Sequence[TrialResult], fix: str) -> Picture:
    """Both groups of trials over their steps."""
    return picture_of(partial(_paint, before=before, after=after, fix=fix), height=250)


def _paint(
    figure: Figure, *, before: Sequence[TrialResult], after: Sequence[TrialResult], fix: str
) -> Caption:
    axes = figure.add_subplot()
    # Dashes beside the colours: the two groups differ in print too.
    _draw(axes, before, FINDING, "as it is", (0, (5, 2)))
    _draw(axes, after, BLUE, f"with {fix}", "solid")
    values = [_finite(each) for each in (*before, *after)]
    logarithmic_if_wide(axes, values)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    legend_above(axes)
    ends = [number(float(np.mean([each.level for each in group]))) for group in (before, after)]
    return Caption(
        "Training loss: bold the mean over the seeds, thin each seed, the band from least to most",
        f"Over {count(len(before), 'seed')} the training loss ends at {ends[0]} as it is and at "
        f"{ends[1]} with {fix}.",
    )


def _finite(result: TrialResult) -> np.ndarray:
    values = np.asarray(result.curve_losses, dtype=np.float64)
    return values[np.isfinite(values)]


def _draw(
    axes: Axes, results: Sequence[TrialResult], colour: str, label: str, style: object
) -> None:
    last = max((each.curve_steps[-1] for each in results if each.curve_steps), default=0)
    grid = np.linspace(0, last, POINTS)
    curves = []
    for each in results:
        if not each.curve_steps:
            continue
        axes.plot(each.curve_steps, each.curve_losses, color=colour, linewidth=0.7, alpha=0.5)
        curves.append(np.interp(grid, each.curve_steps, each.curve_losses))
    if curves:
        table = np.stack(curves)
        axes.fill_between(grid, table.min(0), table.max(0), color=colour, alpha=0.15, linewidth=0)
        axes.plot(grid, table.mean(0), color=colour, linewidth=2.2, linestyle=style, label=label)
