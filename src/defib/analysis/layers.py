"""One record per module call, in the order in which the calls began."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from defib.analysis.dense_equivalent import dense_equivalent
from defib.analysis.parameters import Holding, holdings
from defib.analysis.receptive_field.fields import call_fields
from defib.analysis.sizes.catalogue import written_sizes
from defib.analysis.trace import ModuleCall, Trace, Value, written_by
from defib.analysis.units import Unit
from defib.records.architecture import (
    NOTHING,
    Count,
    Exactness,
    LayerRecord,
    OutputSize,
    ReceptiveField,
    TensorShape,
    sum_of,
)
from defib.records.expression import Expression, Integer, Product, total

_NO_PARAMETERS = Holding(NOTHING, NOTHING, is_frozen=False, is_shared=False)


def module_calls(trace: Trace) -> tuple[ModuleCall, ...]:
    """The module calls of a trace, that of the network first, whatever its `__call__` is."""
    if trace.calls and trace.calls[0].module is trace.network:
        return tuple(trace.calls)
    is_finished = trace.failure is None
    network = ModuleCall(
        -1, "", trace.network, 0, -1, trace.inputs, None, trace.outputs, is_finished
    )
    return (network, *trace.calls)


def layer_records(trace: Trace, units: dict[int, list[Unit]]) -> tuple[LayerRecord, ...]:
    """A record for each module call: own work only, without that of modules inside."""
    fields = call_fields(trace)
    calls = module_calls(trace)
    held = holdings(trace, calls)
    parents = {call.parent for call in calls if call.parent != call.index}
    depths: dict[int, int] = {}
    records: list[LayerRecord] = []
    for call in calls:
        depths[call.index] = depths.get(call.parent, -1) + 1 if call.parent != call.index else 0
        has_children = call.index in parents
        records.append(
            _record(
                call,
                units.get(call.index, []),
                held.get(call.index, _NO_PARAMETERS),
                fields.get(call.index),
                depth=depths[call.index],
                is_leaf=not has_children,
            )
        )
    return tuple(records)


def _record(
    call: ModuleCall,
    units: list[Unit],
    held: Holding,
    field: ReceptiveField | None,
    *,
    depth: int,
    is_leaf: bool,
) -> LayerRecord:
    return LayerRecord(
        name=call.name,
        type=type_before_parametrizations(call.module).__name__,
        call=call.count,
        depth=depth,
        is_leaf=is_leaf,
        inputs=shapes_of(call.inputs),
        outputs=shapes_of(call.outputs),
        weights=held.weights,
        biases=held.biases,
        macs=_counted([unit.macs for unit in units]),
        padding_macs=_counted([unit.padding_macs for unit in units]),
        connections=_counted([unit.connections for unit in units]),
        activations=Count(_activations(call, units)),
        dense_equivalent=Count(_dense_equivalent(units)),
        sizes=_sizes(call, units),
        receptive_field=field,
        is_frozen=held.is_frozen,
        is_shared=held.is_shared,
        options=_options(call.module),
        site=call.site,
    )


def shapes_of(values: Sequence[Value]) -> tuple[TensorShape, ...]:
    """The shapes of values."""
    return tuple(value.shape for value in values)


def _counted(counts: list[Count]) -> Count:
    """The sum; unknown, not "at least 0", where nothing at all could be counted."""
    counted = sum_of(counts)
    if counted.exactness is Exactness.LOWER_BOUND and counted.value == 0:
        return Count(counted.expression, Exactness.UNKNOWN, counted.reason)
    return counted


def _activations(call: ModuleCall, units: list[Unit]) -> Expression:
    """Elements of the outputs that the call made itself.

    Those of a part are the part's, and another view of known numbers makes none.
    """
    operations = [operation for unit in units for operation in unit.operations]
    made = {id(value) for operation in operations for value in operation.outputs}
    written = {value.storage for operation in operations for value in written_by(operation)}
    distinct = {
        id(value): value for value in call.outputs if id(value) in made and value.storage in written
    }
    return total([_elements(value.shape.dimensions) for value in distinct.values()])


def _elements(dimensions: tuple[int, ...]) -> Expression:
    if prod(dimensions) <= 1:
        return Integer(prod(dimensions), "elements")
    factors = tuple(Integer(size, "elements") for size in dimensions if size != 1)
    return factors[0] if len(factors) == 1 else Product(factors)


def _dense_equivalent(units: list[Unit]) -> Expression:
    found = [dense_equivalent(unit.function) for unit in units if unit.function is not None]
    return total([each for each in found if each is not None])


def _sizes(call: ModuleCall, units: list[Unit]) -> tuple[OutputSize, ...]:
    """Arithmetic of the last function that gives the layer's output its sizes."""
    if not call.outputs:
        return ()
    output = call.outputs[0].shape.dimensions
    for unit in reversed(units):
        if unit.function is not None and (sizes := written_sizes(unit.function, output)):
            return sizes
    return ()


def _options(module: nn.Module) -> tuple[tuple[str, str], ...]:
    """Public attributes that are numbers, words or tuples of them, and whether it has a bias."""
    options = [
        (name, str(value))
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and _is_option(value)
    ]
    if "bias" in module._parameters:
        options.append(("bias", str(module._parameters["bias"] is not None)))
    return tuple(options)


def _is_option(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(each, int | float | str) for each in value)
    return isinstance(value, bool | int | float | str)
