"""Signals and gradients against depth for the terminal: measured, and what theory predicts."""

from __future__ import annotations

import math

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from defib.analysis.signal_propagation.results import (
    BornDead,
    LayerSignal,
    Moments,
    SignalPropagation,
)
from defib.analysis.signal_propagation.summary import Course, summarize
from defib.report.quantities import number
from defib.report.text import Printer

HEADS = (
    "layer",
    "activation",
    "signal",
    "theory",
    "gradient",
    "theory",
    "deviation",
    "advised",
)


def print_signals(
    propagation: SignalPropagation, console: Console, born_dead: BornDead | None = None
) -> None:
    """Print mean squares layer by layer, then what they do over the whole depth."""
    printer = Printer(console)
    printer.blank()
    printer.paragraph(printer.text("Signals and gradients at these weights, mean squares", "bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for position, head in enumerate(HEADS):
        is_text = position < 2
        table.add_column(head, justify="left" if is_text else "right", overflow="fold")
    for each in propagation.layers:
        if each.initialization is not None:
            table.add_row(*(printer.text(cell) for cell in _cells(each)))
    console.print(table)
    summary = summarize(propagation)
    for name, course in (("signal", summary.forward), ("gradient", summary.backward)):
        lead = Text(name.ljust(10))
        printer.paragraph(printer.text(_words(course)), lead=lead, indent=10)
    if born_dead is not None:
        lead = Text("born dead ")
        printer.paragraph(printer.text(_born_dead_words(born_dead)), lead=lead, indent=10)
    hint = (
        "`deviation` is that of the layer's weights, `advised` the one that keeps signals at 1 "
        "(gain/√fan-in). Signals run from the first layer to the last, gradients back."
    )
    printer.paragraph(printer.text(hint, "dim"))


def _cells(layer: LayerSignal) -> tuple[str, ...]:
    initialization = layer.initialization
    return (
        layer.layer if layer.call == 0 else f"{layer.layer} (call {layer.call + 1})",
        layer.activation or "",
        _moment(layer.forward.layer),
        _value(layer.forward.predicted_layer),
        _moment(layer.backward.layer),
        _value(layer.backward.predicted_layer),
        _value(initialization.deviation if initialization else None),
        _value(initialization.recommended_deviation if initialization else None),
    )


def _born_dead_words(born_dead: BornDead) -> str:
    share = f"{born_dead.estimate:.2%} ± {born_dead.standard_error:.2%}"
    return (
        f"{share} of {born_dead.networks:,} random networks of hidden widths "
        f"{', '.join(map(str, born_dead.widths))} are constant from the start (He weights, no "
        f"biases); bounds {born_dead.lower:.2%} and {born_dead.upper:.2%}"
    )


def _moment(moments: Moments | None) -> str:
    return _value(None if moments is None else moments.second_moment)


def _value(value: float | None) -> str:
    return "" if value is None else number(float(f"{value:.3g}"))


def _words(course: Course) -> str:
    if math.isnan(course.per_layer):
        return "not enough layers to tell"
    factor = f"times {number(float(f'{course.per_layer:.3g}'))} per layer"
    return f"{factor}, times {number(float(f'{course.total:.3g}'))} in all: {course.trend.value}"
