"""Trials with and without a fix: a line for each seed, their mean, and the band between them.

What is drawn is what decided, and the training loss beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from defib.records.trial import Curve, PairedComparison, TrialResult, Yardstick
from defib.report.figures.axes import legend_above, logarithmic_if_wide
from defib.report.figures.drawing import picture_of
from defib.report.figures.kind import Caption, Picture
from defib.report.figures.style import BLUE, FINDING
from defib.report.quantities import count, number

POINTS = 200

Results = Sequence[TrialResult]


def paired_curves(before: Results, after: Results, comparison: PairedComparison) -> Picture:
    """Both groups of trials over their steps."""
    shown = _shown(before, after, comparison)
    paint = partial(_paint, before=before, after=after, comparison=comparison, shown=shown)
    return picture_of(paint, height=250)


def _shown(before: Results, after: Results, comparison: PairedComparison) -> tuple[Yardstick, ...]:
    """What decided, where every trial has a curve of it, and the training loss.

    Losses of different kinds are not drawn over one another, unless there is nothing else.
    """
    decided_by = comparison.yardstick
    lengths = [len(_curve(each, decided_by).steps) for each in (*before, *after)]
    # One side may have a single point: it stopped after its first evaluation.
    if decided_by is Yardstick.TRAINING_LOSS or min(lengths) < 1 or max(lengths) < 2:
        return (Yardstick.TRAINING_LOSS,)
    return (decided_by,) if comparison.is_other_loss else (decided_by, Yardstick.TRAINING_LOSS)


def _paint(
    figure: Figure,
    *,
    before: Results,
    after: Results,
    comparison: PairedComparison,
    shown: Sequence[Yardstick],
) -> Caption:
    panels = np.atleast_1d(figure.subplots(1, len(shown)))
    for axes, yardstick in zip(panels, shown, strict=True):
        # Dashes beside the colours: the two groups differ in print too.
        _draw(axes, _curves(before, yardstick), FINDING, "as it is", (0, (5, 2)))
        _draw(axes, _curves(after, yardstick), BLUE, f"with {comparison.fix}", "solid")
        if not yardstick.is_accuracy:
            values = [_finite(each) for each in _curves((*before, *after), yardstick)]
            logarithmic_if_wide(axes, values)
        axes.set_xlabel("step")
        axes.set_ylabel(yardstick.value)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8 // len(shown), integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    legend_above(panels[0])
    return _caption(before, comparison, shown)


def _caption(before: Results, comparison: PairedComparison, shown: Sequence[Yardstick]) -> Caption:
    decided_by = comparison.yardstick.value
    ends = [number(float(np.mean(side))) for side in (comparison.before, comparison.after)]
    names = f"{shown[0].value[:1].upper()}{shown[0].value[1:]}"
    if comparison.yardstick not in shown:
        names += f" ({decided_by} decided)"
    elif len(shown) > 1:
        names += f", which decided, and {shown[1].value}"
    return Caption(
        f"{names}: bold the mean over the seeds, thin each seed, the band from least to most",
        f"Over {count(len(before), 'seed')} the {decided_by} ends at {ends[0]} as it is and at "
        f"{ends[1]} with {comparison.fix}.",
    )


def _curves(results: Results, yardstick: Yardstick) -> list[Curve]:
    return [each for each in (_curve(result, yardstick) for result in results) if each.steps]


def _curve(result: TrialResult, yardstick: Yardstick) -> Curve:
    if yardstick is Yardstick.TRAINING_LOSS:
        return Curve(yardstick, result.curve_steps, result.curve_losses)
    known = (each for each in result.curves if each.yardstick is yardstick)
    return next(known, Curve(yardstick, (), ()))


def _finite(curve: Curve) -> np.ndarray:
    values = np.asarray(curve.values, dtype=np.float64)
    return values[np.isfinite(values)]


def _draw(axes: Axes, curves: Sequence[Curve], colour: str, label: str, style: object) -> None:
    if not curves:
        return
    first = max(each.steps[0] for each in curves)
    last = max(each.steps[-1] for each in curves)
    grid = np.linspace(first, last, POINTS)
    for each in curves:
        mark = "." if len(each.steps) == 1 else ""
        axes.plot(each.steps, each.values, mark, color=colour, linewidth=0.7, alpha=0.5)
    table = np.stack([np.interp(grid, each.steps, each.values) for each in curves])
    axes.fill_between(grid, table.min(0), table.max(0), color=colour, alpha=0.15, linewidth=0)
    axes.plot(grid, table.mean(0), color=colour, linewidth=2.2, linestyle=style, label=label)
    if first == last:
        axes.plot(last, table.mean(), "o", color=colour, markersize=5)
