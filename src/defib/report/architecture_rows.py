"""The calls of a network's modules as the rows of a table, inner ones folded on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from defib.records.architecture import Architecture, Count, LayerRecord, sum_of

SUMMED = (
    "weights",
    "biases",
    "macs",
    "padding_macs",
    "connections",
    "activations",
    "dense_equivalent",
    "saved_bytes",
)
"""Fields of a layer that are sums over a network."""


@final
@dataclass(frozen=True)
class Row:
    """A layer call, with the sums over the calls that are folded into it.

    `label` is the name without that of the row it stands under, `indent` how far it stands in.
    """

    layer: LayerRecord
    label: str
    indent: int
    folded: int = 0

    @property
    def marks(self) -> tuple[str, ...]:
        """What sets the call apart: `frozen`, `shared`, `call 2`."""
        marks = {
            "frozen": self.layer.is_frozen,
            "shared": self.layer.is_shared,
            f"call {self.layer.call + 1}": self.layer.call > 0,
        }
        return tuple(mark for mark, holds in marks.items() if holds)


def rows_of(architecture: Architecture, depth: int | None = None) -> tuple[Row, ...]:
    """The rows down to `depth` modules within one another (0: the network as one row).

    The network's own row is left out where the network itself computes nothing.
    """
    layers = architecture.layers
    rows: list[Row] = []
    above: list[LayerRecord] = []
    has_root = bool(layers) and (depth == 0 or _has_own(layers))
    for position, layer in enumerate(layers):
        del above[layer.depth :]
        is_shown = depth is None or layer.depth <= depth
        if is_shown and (layer.depth > 0 or has_root):
            inner = _inner_calls(layers, position) if layer.depth == depth else ()
            rows.append(_row(layer, above, inner, has_root=has_root))
        above.append(layer)
    return tuple(rows)


def total_row(architecture: Architecture) -> Row:
    """The sums over all calls, shared parameters once."""
    sums: dict[str, Any] = {name: summed(architecture.layers, name) for name in SUMMED}
    return Row(LayerRecord("total", "", **sums), "total", 0, folded=len(architecture.layers))


def _row(
    layer: LayerRecord,
    above: Sequence[LayerRecord],
    inner: Sequence[LayerRecord],
    *,
    has_root: bool,
) -> Row:
    outer = above[-1].name if above else ""
    label = layer.name.removeprefix(f"{outer}.") if outer else layer.name
    return Row(
        _with_sums(layer, inner),
        label or layer.type,
        max(layer.depth - (not has_root), 0),
        folded=len(inner),
    )


def _has_own(layers: Sequence[LayerRecord]) -> bool:
    """Whether the network itself, the first call, is more than the container of the others."""
    root = layers[0]
    return len(layers) == 1 or any(getattr(root, name).expression.value for name in SUMMED)


def _inner_calls(layers: Sequence[LayerRecord], position: int) -> tuple[LayerRecord, ...]:
    """The calls inside the one at `position`: those that follow and stand deeper."""
    end = position + 1
    while end < len(layers) and layers[end].depth > layers[position].depth:
        end += 1
    return tuple(layers[position + 1 : end])


def _with_sums(layer: LayerRecord, inner: Sequence[LayerRecord]) -> LayerRecord:
    if not inner:
        return layer
    sums: dict[str, Any] = {name: summed((layer, *inner), name) for name in SUMMED}
    with_parameters = [each for each in inner if each.weights.value or each.biases.value]
    return replace(
        layer,
        **sums,
        is_frozen=bool(with_parameters) and all(each.is_frozen for each in with_parameters),
        is_shared=layer.is_shared or any(each.is_shared for each in inner),
        receptive_field=layer.receptive_field or inner[-1].receptive_field,
    )


def summed(layers: Sequence[LayerRecord], name: str) -> Count:
    """The sum of the field `name` over the calls."""
    return sum_of(tuple(getattr(layer, name) for layer in layers))
