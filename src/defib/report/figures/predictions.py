"""Whether the output depends on the input: its spread over the examples of a batch."""

from __future__ import annotations

from matplotlib.figure import Figure

from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.report.figures.axes import legend_above, logarithmic_if_wide, mark_onset
from defib.report.figures.kind import Caption, FigureKind
from defib.report.figures.lines import draw_lines, lines_in_words

NAMES = {
    "prediction_batch_std": "output, over the batch",
    "prediction_std": "output, over everything",
    "target_std": "target",
}


def paint(figure: Figure, record: RunRecord, finding: Finding) -> Caption:
    axes = figure.add_subplot()
    spreads = {
        name: next(iter(record.of(metric).values()))
        for metric, name in NAMES.items()
        if record.of(metric)
    }
    drawn = draw_lines(axes, record, spreads)
    logarithmic_if_wide(axes, [each.values for each in drawn])
    axes.set_ylabel("standard deviation")
    mark_onset(axes, finding)
    legend_above(axes, is_marked=True)
    return Caption(
        "Spread of the output: 0 is the same output for every input", lines_in_words(spreads)
    )


FIGURE = FigureKind(
    paint=paint,
    metrics=("prediction_batch_std", "prediction_std"),
    rules=("constant-output",),
)
