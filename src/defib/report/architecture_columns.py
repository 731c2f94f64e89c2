"""The columns that a table of layers can have: what each shows, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from defib.errors import UnknownNameError
from defib.records.architecture import (
    AxisField,
    Count,
    Exactness,
    LayerRecord,
    ReceptiveField,
    TensorShape,
    sum_of,
)
from defib.records.expression import Integer, Product
from defib.report.architecture_rows import Row
from defib.report.quantities import percent
from defib.report.shapes import shapes_text
from defib.report.size_formula import formulas_text


@final
@dataclass(frozen=True)
class Column:
    """A column: `name` is what `--only` takes, `title` its head, `meaning` a sentence.

    `count` gives the number of a layer where the column holds numbers that can be added up;
    `text` gives the cell where it does not.
    """

    name: str
    title: str
    meaning: str
    count: Callable[[LayerRecord], Count] | None = None
    text: Callable[[Row], str] | None = None

    def cell(self, row: Row) -> str:
        """What stands in the row; empty for zero."""
        if self.count is not None:
            return count_text(self.count(row.layer))
        return self.text(row) if self.text is not None else ""


def count_text(count: Count) -> str:
    """`36,864`, `≥ 36,864` for a lower bound, `?` for an unknown; nothing for zero."""
    if count.exactness is Exactness.UNKNOWN:
        return "?"
    if count.exactness is Exactness.LOWER_BOUND:
        return f"≥ {count.value:,}"
    return f"{count.value:,}" if count.value else ""


def parameters(layer: LayerRecord) -> Count:
    """Weights and biases."""
    return sum_of((layer.weights, layer.biases))


def flops(layer: LayerRecord) -> Count:
    """Two floating point operations for each multiply-accumulate."""
    return doubled(layer.macs)


def doubled(count: Count) -> Count:
    """Two operations, a multiplication and an addition, for each that is counted."""
    expression = Product((Integer(2, "operations"), count.expression))
    return Count(expression, count.exactness, count.reason)


def field_text(field: ReceptiveField | None) -> str:
    """`212×212`, `whole input`, `≥ 9×9`, or `?`."""
    return _of_field(field, lambda axis: f"{axis.size:,}")


def _of_field(field: ReceptiveField | None, part: Callable[[AxisField], str]) -> str:
    if field is None:
        return ""
    if field.exactness is Exactness.UNKNOWN:
        return "?"
    if field.is_global:
        return "whole input"
    bound = "≥ " if field.exactness is Exactness.LOWER_BOUND else ""
    return bound + "×".join(map(part, field.axes))


def _steps_of_field(field: ReceptiveField | None, part: Callable[[AxisField], Fraction]) -> str:
    is_known = field is not None and not field.is_global
    return _of_field(field, lambda axis: str(part(axis))) if is_known else ""


def _padding_share(row: Row) -> str:
    layer = row.layer
    if not layer.macs.value or layer.macs.exactness is Exactness.UNKNOWN:
        return ""
    return percent(layer.padding_macs.value / layer.macs.value)


def _site(row: Row) -> str:
    return row.layer.site.label if row.layer.site else ""


def _shapes(shapes: tuple[TensorShape, ...]) -> str:
    return shapes_text(shapes)


COLUMNS = (
    Column("layer", "layer", "Name of the module.", text=lambda row: row.label),
    Column("type", "type", "Class of the module.", text=lambda row: row.layer.type),
    Column("input", "input", "Size of the inputs.", text=lambda row: _shapes(row.layer.inputs)),
    Column("output", "output", "Size of the outputs.", text=lambda row: _shapes(row.layer.outputs)),
    Column("parameters", "parameters", "Weights and biases, shared ones once.", parameters),
    Column("weights", "weights", "Weights, shared ones once.", lambda layer: layer.weights),
    Column("biases", "biases", "Biases, shared ones once.", lambda layer: layer.biases),
    Column("macs", "MACs", "Multiply-accumulates of a forward pass.", lambda layer: layer.macs),
    Column("flops", "FLOPs", "Two for each multiply-accumulate.", flops),
    Column(
        "padding-macs",
        "MACs on padding",
        "Multiply-accumulates spent on zeros outside the image.",
        lambda layer: layer.padding_macs,
    ),
    Column(
        "padding-share",
        "share on padding",
        "Their share of the multiply-accumulates.",
        text=_padding_share,
    ),
    Column(
        "connections",
        "connections",
        "Taps that fall inside the image.",
        lambda layer: layer.connections,
    ),
    Column(
        "activations", "activations", "Numbers in the outputs.", lambda layer: layer.activations
    ),
    Column(
        "saved",
        "saved bytes",
        "Bytes that autograd keeps for backward.",
        lambda layer: layer.saved_bytes,
    ),
    Column(
        "dense",
        "dense equivalent",
        "Weights of a dense layer between the same activations.",
        lambda layer: layer.dense_equivalent,
    ),
    Column(
        "receptive-field",
        "receptive field",
        "Input positions that an output position depends on, per axis.",
        text=lambda row: field_text(row.layer.receptive_field),
    ),
    Column(
        "stride",
        "effective stride",
        "Input positions between the fields of neighbouring outputs.",
        text=lambda row: _steps_of_field(row.layer.receptive_field, lambda axis: axis.stride),
    ),
    Column(
        "offset",
        "offset",
        "Input position at which the field of the first output begins.",
        text=lambda row: _steps_of_field(row.layer.receptive_field, lambda axis: axis.offset),
    ),
    Column(
        "formula",
        "output size",
        "Size of the output as a formula of the size of the layer's input.",
        text=lambda row: formulas_text(row.layer.sizes),
    ),
    Column("site", "called at", "Line of the code that calls the module.", text=_site),
)

USUAL = (
    "layer",
    "type",
    "output",
    "weights",
    "biases",
    "macs",
    "activations",
    "receptive-field",
    "stride",
    "saved",
)
"""Shown where the user chooses none and there is room."""
DISPENSABLE = ("input", "saved", "stride", "biases", "activations", "receptive-field", "type")
"""Left out of a narrow table, in this order."""


def columns_called(names: Iterable[str]) -> tuple[Column, ...]:
    """The columns of these names, always with the layer first. Raises `UnknownNameError`."""
    known = {column.name: column for column in COLUMNS}
    given = [part for name in names for part in name.split(",") if part]
    chosen = dict.fromkeys(("layer", *(_spelled(name, known) for name in given)))
    return tuple(known[name] for name in chosen)


def _spelled(name: str, known: Iterable[str]) -> str:
    spelled = name.strip().lower().replace("_", "-").replace(" ", "-")
    if spelled not in known:
        advice = f"The columns are {', '.join(known)}."
        raise UnknownNameError("column", name, known, advice=advice)
    return spelled


FORMULAS = ("layer", "type", "input", "output", "formula")
"""Shown where formulas are asked for and no columns."""


def usual_columns(*, has_flops: bool = False) -> tuple[Column, ...]:
    """Those shown without a choice, with operations in place of multiply-accumulates if asked."""
    return columns_called("flops" if has_flops and name == "macs" else name for name in USUAL)
