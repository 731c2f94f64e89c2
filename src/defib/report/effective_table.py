"""Effective receptive fields for the terminal, beside the theoretical ones."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from defib.analysis.receptive_field.effective_results import EffectiveField
from defib.records.architecture import Architecture
from defib.report.architecture_columns import field_text
from defib.report.quantities import number
from defib.report.text import Printer

HEADS = ("layer", "theoretical", "95% within", "standard deviation")


def print_effective_fields(
    fields: Mapping[str, EffectiveField], architecture: Architecture, console: Console
) -> None:
    """Print how far the input matters to the centre of each layer's output."""
    theoretical = {
        each.name: field_text(each.receptive_field) for each in reversed(architecture.layers)
    }
    printer = Printer(console)
    printer.blank()
    printer.paragraph(printer.text("Effective receptive fields at these weights", "bold"))
    table = Table(*HEADS, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for layer, field in fields.items():
        sizes = "×".join(str(2 * axis.radius + 1) for axis in field.axes)
        spreads = "×".join(number(float(f"{axis.standard_deviation:.3g}")) for axis in field.axes)
        cells = (layer, theoretical.get(layer, ""), sizes, spreads)
        table.add_row(*(printer.text(cell) for cell in cells))
    console.print(table)
    samples = next(iter(fields.values())).samples if fields else 0
    hint = (
        f"Squared gradient of the centre of the layer's output with respect to the input, mean of "
        f"{samples} inputs of normal numbers. The theoretical field says where the input can "
        "matter, the effective one where it does."
    )
    printer.paragraph(printer.text(hint, "dim"))
