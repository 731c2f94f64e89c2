"""Finds the figure for a finding and draws it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import numpy as np
from matplotlib.figure import Figure

import defib.report.figures
from defib.records.finding import Diagnosis, Finding
from defib.records.run import RunRecord
from defib.report.figures import learning_rate, loss
from defib.report.figures.kind import Caption, FigureKind, Picture
from defib.report.figures.recorded_metric import figure_of
from defib.report.figures.style import BACKGROUND, UNITS_PER_INCH, WIDTH, figure_style
from defib.report.figures.svg import svg_element
from defib.report.figures.thinning import drawable
from defib.report.printable import printable


def finding_picture(record: RunRecord, finding: Finding) -> Picture | None:
    """The picture of the quantity that the finding is about; `None` if it was not recorded."""
    for kind in _candidates(record, finding):
        if _is_recorded(record, kind):
            return _draw(kind, record, finding)
    return None


def loss_picture(record: RunRecord, diagnosis: Diagnosis) -> Picture | None:
    """The loss, with the onset of the first cause; `None` if no loss was recorded."""
    if not _is_recorded(record, loss.FIGURE):
        return None
    finding = diagnosis.causes[0].finding if diagnosis.causes else None
    with figure_style():
        figure = _empty_figure(loss.FIGURE.height)
        return _picture(figure, loss.paint(figure, record, finding))


def learning_rate_picture(record: RunRecord) -> Picture | None:
    """The learning rate over the steps; `None` where it was constant or not recorded."""
    rates = [drawable(each).values for each in record.of("learning_rate").values()]
    # A hundredth: what a schedule changes less is not seen in a picture.
    if not any(len(each) and np.ptp(each) > 0.01 * np.abs(each).max() for each in rates):
        return None
    with figure_style():
        figure = _empty_figure(learning_rate.ALONE_HEIGHT)
        return _picture(figure, learning_rate.paint_alone(figure, record))


@cache
def figure_kinds() -> Mapping[str, FigureKind]:
    """Every figure of this folder by the name of its file."""
    package = defib.report.figures
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        kind = vars(importlib.import_module(f"{package.__name__}.{name}")).get("FIGURE")
        if isinstance(kind, FigureKind):
            found[name] = kind
    return found


def _candidates(record: RunRecord, finding: Finding) -> list[FigureKind]:
    """Figures for the rule, then figures of what the evidence names, the best first."""
    kinds = figure_kinds().values()
    named = [metric for name in finding.evidence for metric in _metrics_named(record, name)]
    return [
        *(kind for kind in kinds if finding.rule in kind.rules),
        *(kind for metric in named for kind in kinds if metric in kind.metrics),
        *(figure_of(metric) for metric in named),
    ]


def _metrics_named(record: RunRecord, evidence: str) -> list[str]:
    """`dead_unit_fraction` for `dead_unit_fraction_at_start`, if that was recorded."""
    named = [metric for metric in record.series if evidence == metric or _extends(evidence, metric)]
    return sorted(named, key=len, reverse=True)


def _extends(evidence: str, metric: str) -> bool:
    return evidence.startswith(f"{metric}_") or evidence.endswith(f"_{metric}")


def _is_recorded(record: RunRecord, kind: FigureKind) -> bool:
    return any(len(series) for metric in kind.metrics for series in record.of(metric).values())


def _draw(kind: FigureKind, record: RunRecord, finding: Finding) -> Picture:
    with figure_style():
        figure = _empty_figure(kind.height)
        return _picture(figure, kind.paint(figure, record, finding))


def _empty_figure(height: int) -> Figure:
    return Figure(
        figsize=(WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH),
        dpi=UNITS_PER_INCH,
        layout="constrained",
        facecolor=BACKGROUND,
    )


def _picture(figure: Figure, caption: Caption) -> Picture:
    title, description = printable(caption.title), printable(caption.description)
    return Picture(title, description, svg_element(figure, f"{title}. {description}"))
