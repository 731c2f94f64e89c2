"""What a network is and costs, worked out from one run without numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from defib.analysis.dropouts import dropout_records, still_dropping
from defib.analysis.example import Example, Inputs, inputs_from
from defib.analysis.failures import explained
from defib.analysis.garbage import collection_paused
from defib.analysis.kernel_windows import kernel_window_of, softmax_axis_of
from defib.analysis.layers import layer_records, shapes_of
from defib.analysis.memory.network_memory import memory_of, with_saved_bytes
from defib.analysis.notes import (
    disagreements,
    uncalled_modules,
    uncalled_with_parameters,
    uncounted,
)
from defib.analysis.operators.catalogue import kind_of
from defib.analysis.operators.cost import Cost
from defib.analysis.parameter_values import with_values
from defib.analysis.parameters import parameter_records
from defib.analysis.run_ladder import TracedRun, traced_run
from defib.analysis.trace import Operation, Trace
from defib.analysis.units import costs_of, units_by_call
from defib.discovery.keras_layers import evaluation_keywords
from defib.records.architecture import Architecture, DropoutRecord, OperationRecord


@collection_paused()
def inspect(
    network: nn.Module,
    example: Example,
    *,
    keywords: Mapping[str, Any] | None = None,
    dtype: torch.dtype | Sequence[torch.dtype] | None = None,
) -> Architecture:
    """The architecture of `network` at an example input, in evaluation mode.

    `example` is a tensor, several inputs in order, inputs by name, one shape (a tuple of
    integers) or several; `dtype` is the element type of shapes. `keywords` are further inputs
    by name. Nothing is computed and nothing allocated unless the code asks for values. The
    network is left as found. Where it does not run, the layers up to the one that failed, and
    a note that says why.
    """
    inputs = inputs_from(example, keywords, dtype=dtype, network=network)
    run = traced_run(network, inputs)
    why = explained(network, run)
    architecture = architecture_of(run, notes=(why,) if why else ())
    # The run has a copy without numbers: only the network itself has them.
    parameters = with_values(architecture.parameters, network)
    measured = memory_of(network, run.inputs, lend=run.lend)
    dropouts = _dropouts(network, inputs, architecture.dropouts)
    layers = architecture.layers
    if architecture.is_traced:
        layers = with_saved_bytes(layers, measured)
    return replace(
        architecture,
        layers=layers,
        memory=measured.memory,
        parameters=parameters,
        dropouts=dropouts,
    )


def _dropouts(
    network: nn.Module, inputs: Inputs, found: tuple[DropoutRecord, ...]
) -> tuple[DropoutRecord, ...]:
    """`found`, where a model of Keras was called with `training=True`, against a run without."""
    keywords = evaluation_keywords(network, inputs.keywords)
    if keywords == inputs.keywords or not any(each.is_always_on for each in found):
        return found
    evaluated = traced_run(network, replace(inputs, keywords=keywords)).trace
    return still_dropping(found, dropout_records(evaluated))


def architecture_of(run: TracedRun, *, notes: tuple[str, ...] = ()) -> Architecture:
    """The records of a traced run; `notes` stand before those of the records.

    Further columns of the layers, and what concerns the network as a whole, join here.
    """
    trace = run.trace
    costs = costs_of(trace)
    units = units_by_call(trace, costs)
    parameters = parameter_records(trace)
    uncalled = uncalled_modules(trace) if trace.failure is None else ()
    return Architecture(
        name=type(trace.network).__name__,
        inputs=shapes_of(trace.inputs),
        outputs=shapes_of(trace.outputs),
        layers=layer_records(trace, units),
        operations=_operation_records(trace, costs),
        output_operations=tuple(each.producer for each in trace.outputs if each.producer >= 0),
        dropouts=dropout_records(trace),
        parameters=parameters,
        uncalled=uncalled,
        notes=(
            *notes,
            *run.notes,
            *uncounted(trace, costs),
            *disagreements(trace, units),
            *uncalled_with_parameters(uncalled, parameters),
        ),
        is_traced=trace.failure is None,
    )


def _operation_records(trace: Trace, costs: tuple[Cost, ...]) -> tuple[OperationRecord, ...]:
    return tuple(
        OperationRecord(
            operation.index,
            kind_of(operation),
            trace.calls[operation.call].name if operation.call >= 0 else "",
            trace.calls[operation.call].count if operation.call >= 0 else 0,
            _producers(operation),
            shapes_of(operation.outputs),
            cost.macs,
            operation.site,
            tuple(value.parameter for value in operation.inputs if value.parameter),
            kernel_window_of(operation),
            softmax_axis_of(operation),
        )
        for operation, cost in zip(trace.operations, costs, strict=True)
    )


def _producers(operation: Operation) -> tuple[int, ...]:
    """Operations whose results it used, and -1 for the network's input; no parameters."""
    return tuple(
        value.producer for value in operation.inputs if value.producer >= 0 or value.is_input
    )
