"""The pictures of the study."""

from __future__ import annotations

from defib.analysis.signal_propagation.born_dead import (
    born_dead_lower_bound,
    born_dead_upper_bound_scalar_input,
)
from defib.records.chart import Bars, BarSeries, Chart, Heat, Line, Lines
from defib.records.study import StudyResult, Value
from defib.studies.dying_relu.claims import network_share
from defib.studies.dying_relu.networks import FUNCTIONS, KINDS, RELU


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return (_collapse_chart(result), _death_chart(result), _depth_chart(result), _map_chart(result))


def _collapse_chart(result: StudyResult) -> Chart:
    definitions = (
        ("born dead", "born_dead"),
        ("dead after training", "dead"),
        ("constant within 1e-6", "constant"),
        ("error ≥ 95 % of variance", "unlearned"),
    )
    series = []
    for label, column in definitions:
        shares = [network_share(result, column, network=kind.name) for kind in KINDS]
        series.append(
            BarSeries(
                label,
                tuple(each.estimate for each in shares),
                tuple(each.low for each in shares),
                tuple(each.high for each in shares),
            )
        )
    words = "; ".join(
        f"{kind.name}: {network_share(result, 'dead', network=kind.name).estimate:.1%} dead"
        for kind in KINDS
    )
    return Chart(
        "collapse",
        "10 layers of width 2: dead by the exact definition, and by two weaker ones",
        f"{words}. The weaker tests count living networks as collapsed.",
        (
            Bars(
                tuple(kind.name for kind in KINDS),
                tuple(series),
                "share of networks",
                limits=(0, 1.02),
            ),
        ),
        height=330,
    )


def _death_chart(result: StudyResult) -> Chart:
    deaths = result.tables["deaths"].where(network=RELU.name)
    lines = tuple(
        Line(
            name,
            deaths.numbers("epoch", function=name),
            deaths.numbers("dead_share", function=name),
        )
        for name in FUNCTIONS
    )
    return Chart(
        "deaths",
        "Dead ReLU networks over the training",
        "Most are dead before the first step; the rest that die do so within a few epochs. None "
        "comes back.",
        (Lines("epoch", "share of dead networks", lines),),
    )


def _depth_chart(result: StudyResult) -> Chart:
    born = result.tables["born-dead"]
    widths = [width for width in (2, 3, 5) if width in born.distinct("width")]
    lines = []
    for width in widths:
        layers = born.numbers("layers", width=width)
        share = [
            d / n
            for d, n in zip(
                born.numbers("dead", width=width),
                born.numbers("networks", width=width),
                strict=True,
            )
        ]
        lines.append(Line(f"width {width}", layers, tuple(share), is_dots=True))
    for index, width in enumerate(widths):
        depths = range(3, max(int(str(each)) for each in born.distinct("layers")) + 1)
        at = tuple(float(each) for each in depths)
        low = tuple(born_dead_lower_bound(width, each) for each in depths)
        high = tuple(born_dead_upper_bound_scalar_input([width] * (each - 1)) for each in depths)
        names = ("bounds", "_") if index == 0 else ("_", "_")
        lines += [
            Line(name, at, curve, is_theory=True)
            for name, curve in zip(names, (low, high), strict=True)
        ]
    return Chart(
        "depth",
        "Probability of being born dead against depth",
        "Drawn networks (points) between the lower and the upper bound (dotted).",
        (Lines("layers", "born dead", tuple(lines), limits=(-0.02, 1.02)),),
    )


def _map_chart(result: StudyResult) -> Chart:
    born = result.tables["born-dead"]
    layers, widths = born.distinct("layers"), born.distinct("width")

    def share(layer: Value, width: Value) -> float:
        cell = born.where(layers=layer, width=width)
        return cell.numbers("dead")[0] / cell.numbers("networks")[0]

    values = tuple(tuple(share(layer, width) for layer in layers) for width in widths)
    texts = tuple(tuple(f"{value:.1%}" for value in row) for row in values)
    return Chart(
        "depth-and-width",
        "Share of networks that are born dead",
        "Depth kills, width protects: one layer of zeros is enough, and 2 units are zero together "
        "far more often than 8.",
        (
            Heat(
                "layers",
                "width",
                tuple(map(str, layers)),
                tuple(map(str, widths)),
                values,
                texts=texts,
            ),
        ),
    )
