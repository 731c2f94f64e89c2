"""An architecture for programs and agents: strict JSON of a stable layout."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from defib.records.architecture import (
    Architecture,
    Count,
    Exactness,
    LayerRecord,
    Memory,
    ParameterRecord,
    ReceptiveField,
    TensorShape,
)
from defib.records.finding import Finding
from defib.records.site import Site
from defib.report.architecture_facts import doubts_of, remarks_of
from defib.report.architecture_rows import SUMMED, rows_of
from defib.report.architecture_totals import Totals, totals_of
from defib.report.layer_work import steps_of
from defib.report.machine import JSON
from defib.report.printable import storable

LAYOUT_VERSION = "1.0"
"""Raised in its first part when a field is removed or changes its meaning, in its second
when one is added."""


def architecture_as_json(
    architecture: Architecture,
    findings: Sequence[Finding] = (),
    *,
    depth: int | None = None,
    optimizer: str | None = None,
) -> dict[str, JSON]:
    """The architecture as values that `json.dumps(..., allow_nan=False)` accepts.

    Counts that are unknown are `null`; strides and offsets that are not whole are texts such
    as `1/2`. `input` is the list of the shapes of the inputs.
    """
    totals = totals_of(architecture, optimizer)
    return {
        "version": LAYOUT_VERSION,
        "name": storable(architecture.name),
        "input": [_sizes(shape) for shape in architecture.inputs],
        "inputs": [_shape(shape) for shape in architecture.inputs],
        "outputs": [_shape(shape) for shape in architecture.outputs],
        "is_traced": architecture.is_traced,
        "total": _total(architecture, totals),
        "layers": [_layer(row.layer) for row in rows_of(architecture, depth)],
        "parameters": [_parameter(each) for each in architecture.parameters],
        "uncalled": [storable(name) for name in architecture.uncalled],
        "findings": [_finding(each) for each in findings],
        "inexact": [
            {
                "reason": storable(doubt.reason),
                "layers": [storable(name) for name in doubt.layers],
                "quantities": list(doubt.quantities),
            }
            for doubt in doubts_of(architecture)
        ],
        "notes": [storable(note) for note in remarks_of(architecture)],
    }


def _parameter(parameter: ParameterRecord) -> JSON:
    return {
        "name": storable(parameter.name),
        "shape": _sizes(parameter.shape),
        "type": parameter.shape.element_type,
        "trainable": parameter.is_trainable,
        "shared_with": storable(parameter.shared_with) or None,
    }


def _total(architecture: Architecture, totals: Totals) -> dict[str, JSON]:
    memory = architecture.memory
    counts = (totals.parameters, totals.macs, totals.activations)
    return {
        "parameters": _number(totals.parameters),
        "weights": _number(totals.weights),
        "biases": _number(totals.biases),
        "uncalled_parameters": totals.uncalled,
        "frozen_parameters": totals.frozen,
        "macs": _number(totals.macs),
        "flops": None if totals.macs.exactness is Exactness.UNKNOWN else 2 * totals.macs.value,
        "padding_macs": _number(totals.padding_macs),
        "connections": _number(totals.connections),
        "activations": _number(totals.activations),
        "activation_bytes": totals.activation_bytes,
        "dense_equivalent": _number(totals.dense_equivalent),
        "saved_bytes": _number(totals.saved_bytes),
        "training_bytes": _number(totals.training_bytes),
        "training_optimizer": totals.optimizer or None,
        "memory": _memory(memory),
        "exact": _exact([count.exactness for count in counts]),
    }


def _memory(memory: Memory) -> JSON:
    states: dict[str, JSON] = dict(memory.optimizer_states)
    return {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer_states": states,
        "saved": _number(memory.saved),
        "forward_peak": _number(memory.forward_peak),
        "training_peak": _number(memory.training_peak),
        "assumptions": [storable(each) for each in memory.assumptions],
    }


def _layer(layer: LayerRecord) -> JSON:
    counts: dict[str, Count] = {name: getattr(layer, name) for name in SUMMED}
    field = layer.receptive_field
    doubts = [count.exactness for count in counts.values()]
    numbers: dict[str, JSON] = {name: _number(count) for name, count in counts.items()}
    return {
        "name": storable(layer.name),
        "type": storable(layer.type),
        "call": layer.call,
        "depth": layer.depth,
        "leaf": layer.is_leaf,
        "input": _sizes(layer.inputs[0]) if layer.inputs else None,
        "inputs": [_shape(shape) for shape in layer.inputs],
        "output": _sizes(layer.outputs[0]) if layer.outputs else None,
        "outputs": [_shape(shape) for shape in layer.outputs],
        **numbers,
        "receptive_field": _field(field),
        "exact": _exact([*doubts, field.exactness] if field else doubts),
        "inexact": _reasons(counts, field),
        "frozen": layer.is_frozen,
        "shared": layer.is_shared,
        "options": {storable(name): storable(value) for name, value in layer.options},
        "work": _work(layer),
        "site": _site(layer.site),
    }


def _number(count: Count) -> JSON:
    return None if count.exactness is Exactness.UNKNOWN else count.value


def _exact(exactness: Sequence[Exactness]) -> JSON:
    for doubt in (Exactness.UNKNOWN, Exactness.LOWER_BOUND):
        if doubt in exactness:
            return doubt.value
    return True


def _reasons(counts: dict[str, Count], field: ReceptiveField | None) -> JSON:
    doubtful: dict[str, JSON] = {
        name: storable(count.reason or count.exactness.value)
        for name, count in counts.items()
        if count.exactness is not Exactness.EXACT
    }
    if field is not None and field.exactness is not Exactness.EXACT:
        doubtful["receptive_field"] = storable(field.reason or field.exactness.value)
    return doubtful


def _field(field: ReceptiveField | None) -> JSON:
    if field is None or field.exactness is Exactness.UNKNOWN:
        return None
    if field.is_global:
        return "global"
    return {
        "size": [axis.size for axis in field.axes],
        "stride": [_fraction(axis.stride) for axis in field.axes],
        "offset": [_fraction(axis.offset) for axis in field.axes],
        "holes": any(axis.has_holes for axis in field.axes),
    }


def _fraction(value: Fraction) -> JSON:
    return int(value) if value.denominator == 1 else str(value)


def _work(layer: LayerRecord) -> JSON:
    """Lines by quantity: a text for a count, a list for the output and the receptive field."""
    work: dict[str, JSON] = {}
    lines: dict[str, list[JSON]] = {}
    for step in steps_of(layer, has_formulas=True):
        if step.field in SUMMED:
            work[step.field] = storable(step.line)
        else:
            lines.setdefault(step.field, []).append(storable(step.line))
    return {**work, **lines}


def _sizes(shape: TensorShape) -> JSON:
    return [int(size) for size in shape.dimensions]


def _shape(shape: TensorShape) -> JSON:
    return {"shape": _sizes(shape), "type": shape.element_type}


def _site(site: Site | None) -> JSON:
    if site is None:
        return None
    return {"file": storable(site.file), "line": int(site.line), "code": storable(site.code)}


def _finding(finding: Finding) -> JSON:
    evidence: dict[str, JSON] = {
        storable(name): storable(value) if isinstance(value, str) else value
        for name, value in finding.evidence.items()
    }
    return {
        "rule": storable(finding.rule),
        "severity": finding.severity.value,
        "certainty": finding.certainty.value,
        "layer": storable(finding.layer),
        "site": _site(finding.site),
        "message": storable(finding.message),
        "evidence": evidence,
        "fixes": [storable(fix) for fix in finding.fixes],
        "remedy": storable(finding.remedy),
    }
