"""The range of the values that the network reads, batch by batch."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.axes import legend_above, step_axis
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.style import BLUE, GREEN
from defib.report.figures.thinning import drawable, thinned
from defib.report.quantities import number

STANDARDISED = (-3.0, 3.0)
"""Three standard deviations: what standardised features rarely leave."""
WIDEST_LINEAR = 50.0


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    mean, spread = _input(record, "input_mean", finding), _input(record, "input_std", finding)
    low, high = _input(record, "input_minimum", finding), _input(record, "input_maximum", finding)
    axes.axhspan(*STANDARDISED, color=GREEN, alpha=0.10, linewidth=0, label="standardised data")
    for edge, label in ((high, "least to greatest value"), (low, "_lower edge")):
        axes.plot(edge.steps, edge.values, color=BLUE, linewidth=1.0, alpha=0.55, label=label)
    if len(mean) == len(spread):
        axes.fill_between(
            mean.steps,
            mean.values - spread.values,
            mean.values + spread.values,
            color=BLUE,
            alpha=0.25,
            linewidth=0,
            label="mean ± one deviation",
        )
    axes.plot(mean.steps, mean.values, color=BLUE, label="mean")
    every = np.concatenate([np.zeros(1), low.values, high.values, mean.values])
    if np.abs(every).max() > WIDEST_LINEAR:
        axes.set_yscale("symlog", linthresh=1.0)
    step_axis(axes, record)
    axes.set_ylabel("input value")
    legend_above(axes)
    return Caption("Values that the first layer reads", _words(low, high, mean, spread))


def _input(record: RunRecord, metric: str, finding: Finding) -> Series:
    known = record.of(metric)
    series = known.get(finding.layer) or next(iter(known.values()), Series.of([]))
    return thinned(drawable(series), 300)


def _words(low: Series, high: Series, mean: Series, spread: Series) -> str:
    if not (low and high):
        return "The range of the input was not recorded."
    return (
        f"Values from {number(float(low.values.min()))} to {number(float(high.values.max()))}, "
        f"with mean {number(mean.median())} and standard deviation {number(spread.median())} "
        "(medians over the sampled batches)."
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("input_mean", "input_std", "input_minimum", "input_maximum", "input_scale_ratio"),
    rules=("unscaled-input",),
)
