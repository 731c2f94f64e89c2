"""What is said of a whole network besides its layers: sums, memory, doubts, conventions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import (
    Architecture,
    Count,
    Exactness,
    LayerRecord,
    ReceptiveField,
)
from defib.report.architecture_columns import count_text, doubled
from defib.report.architecture_rows import SUMMED
from defib.report.architecture_totals import Totals
from defib.report.layer_work import LABELS
from defib.report.quantities import count as counted
from defib.report.quantities import enumeration, percent
from defib.report.shapes import byte_size

CONVENTIONS = (
    "All numbers are for the inputs above, the batch included, in evaluation mode.",
    "A multiply-accumulate (MAC) is one multiplication and one addition, 2 FLOPs; biases, "
    "activations, pooling and normalisation count none.",
    "Shared weights count once, at their first call. 1 MB = 1,000,000 bytes.",
)


@final
@dataclass(frozen=True)
class Fact:
    """A number of the whole network, with what belongs to it."""

    label: str
    value: str
    detail: str = ""


@final
@dataclass(frozen=True)
class Doubt:
    """Why figures are not exact, the layers and the quantities in which they are not."""

    reason: str
    layers: tuple[str, ...]
    quantities: tuple[str, ...]

    def __str__(self) -> str:
        what = enumeration(self.quantities)
        return f"{what} of {enumeration(self.layers)}: {self.reason}"


def facts_of(
    architecture: Architecture, totals: Totals, *, has_flops: bool = False
) -> tuple[Fact, ...]:
    """Parameters, operations, activations, memory."""
    memory = architecture.memory
    macs = count_text(totals.macs) or "0"
    facts = [
        Fact("parameters", count_text(totals.parameters) or "0", _parameter_detail(totals)),
        Fact("multiply-accumulates", macs, _mac_detail(totals)),
        Fact("activations", count_text(totals.activations) or "0", _stored(totals)),
    ]
    if has_flops:
        facts.insert(2, Fact("FLOPs", count_text(doubled(totals.macs)) or "0", "2 for each MAC"))
    if memory.forward_peak.value:
        peak = _bytes_text(memory.forward_peak)
        detail = "activations alive at once, without gradients"
        if memory.training_peak.value:
            detail += f"; {_bytes_text(memory.training_peak)} with them"
        facts.append(Fact("forward peak", peak, detail))
    if totals.training_bytes.value and architecture.is_traced:
        detail = _training_detail(architecture, totals)
        facts.append(Fact("training memory", _bytes_text(totals.training_bytes), detail))
    return tuple(facts)


def _bytes_text(count: Count) -> str:
    if count.exactness is Exactness.UNKNOWN:
        return "?"
    bound = "≥ " if count.exactness is Exactness.LOWER_BOUND else ""
    return bound + byte_size(count.value)


def _parameter_detail(totals: Totals) -> str:
    parts = [f"{totals.weights.value:,} weights", f"{totals.biases.value:,} biases"]
    if totals.uncalled:
        parts.append(f"{totals.uncalled:,} in modules never called")
    if totals.frozen:
        parts.append(f"{totals.frozen:,} frozen")
    return ", ".join(parts)


def _mac_detail(totals: Totals) -> str:
    if not totals.padding_macs.value:
        return ""
    return f"{percent(totals.padding_macs.value / totals.macs.value)} of them on padding"


def _stored(totals: Totals) -> str:
    return byte_size(totals.activation_bytes) if totals.activation_bytes else ""


def _training_detail(architecture: Architecture, totals: Totals) -> str:
    memory = architecture.memory
    parts = {
        "weights": byte_size(memory.weights),
        "gradients": byte_size(memory.gradients),
        "kept for backward": _bytes_text(memory.saved),
    }
    if totals.optimizer:
        states = memory.optimizer_states[totals.optimizer]
        parts[f"states of {totals.optimizer}"] = byte_size(states)
    return ", ".join(f"{name} {size}" for name, size in parts.items())


def doubts_of(architecture: Architecture) -> tuple[Doubt, ...]:
    """The reasons why figures are not exact, each once."""
    layers: dict[str, dict[str, None]] = {}
    quantities: dict[str, dict[str, None]] = {}
    for layer in architecture.layers:
        for quantity, reason in _reasons(layer):
            layers.setdefault(reason, {})[layer.name or layer.type] = None
            quantities.setdefault(reason, {})[quantity] = None
    return tuple(
        Doubt(reason, tuple(names), tuple(quantities[reason])) for reason, names in layers.items()
    )


def _reasons(layer: LayerRecord) -> Iterator[tuple[str, str]]:
    for field in SUMMED:
        count: Count = getattr(layer, field)
        if count.exactness is not Exactness.EXACT:
            yield LABELS[field], count.reason or count.exactness.value
    match layer.receptive_field:
        case ReceptiveField(exactness=exactness, reason=reason) if exactness != Exactness.EXACT:
            yield "receptive field", reason or exactness.value


def remarks_of(architecture: Architecture) -> tuple[str, ...]:
    """What else a reader must know: what was not called, counted or run to its end."""
    remarks = list(architecture.notes)
    told = " ".join(architecture.notes)
    uncalled = tuple(each for name in architecture.uncalled if (each := f"`{name}`") not in told)
    if uncalled:
        names = enumeration(uncalled)
        number = counted(len(uncalled), "module")
        remarks.append(f"{number} defined and never called: {names}.")
    shared = [each for each in architecture.parameters if each.shared_with]
    if shared:
        pairs = enumeration(tuple(f"`{each.name}` = `{each.shared_with}`" for each in shared))
        remarks.append(f"Shared parameters, counted once: {pairs}.")
    return tuple(remarks)
