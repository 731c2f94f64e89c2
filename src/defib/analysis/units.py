"""Costs of what ran in one layer: its operators, grouped by the torch functions that ran them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import final

from defib.analysis.functions.catalogue import written_macs
from defib.analysis.operators.catalogue import cost_of
from defib.analysis.operators.cost import Cost
from defib.analysis.trace import FunctionCall, Operation, Trace
from defib.records.architecture import Count, Exactness, sum_of


@final
@dataclass(frozen=True)
class Unit:
    """One function call with the operators that it ran, or one operator outside of any.

    `macs` has the arithmetic of the function where the function has one and agrees with its
    operators, else that of the operators. `disagreement` is what the function says instead.
    """

    function: FunctionCall | None
    operations: tuple[Operation, ...]
    macs: Count
    padding_macs: Count
    connections: Count
    disagreement: int | None = None


def costs_of(trace: Trace) -> tuple[Cost, ...]:
    """Cost of each operation of a trace."""
    return tuple(cost_of(operation, trace) for operation in trace.operations)


def units_by_call(trace: Trace, costs: tuple[Cost, ...]) -> dict[int, list[Unit]]:
    """The units of each module call, by its index, in the order in which they began."""
    groups: dict[tuple[int, int, int], list[Operation]] = {}
    for operation in trace.operations:
        alone = operation.index if operation.function < 0 else -1
        groups.setdefault((operation.call, operation.function, alone), []).append(operation)
    units: defaultdict[int, list[Unit]] = defaultdict(list)
    for (call, function, _), operations in groups.items():
        written = trace.functions[function] if function >= 0 else None
        units[call].append(_unit(written, operations, costs))
    return dict(units)


def _unit(
    function: FunctionCall | None, operations: list[Operation], costs: tuple[Cost, ...]
) -> Unit:
    own = [costs[operation.index] for operation in operations]
    macs = sum_of([cost.macs for cost in own])
    padding_macs = sum_of([cost.padding_macs for cost in own])
    connections = sum_of([cost.connections for cost in own])
    written = written_macs(function) if function is not None else None
    disagreement = None
    # An unfinished or unknown function has nothing to compare with.
    if written is not None and macs.value and macs.exactness is Exactness.EXACT:
        if written.value == macs.value:
            connections = connections if padding_macs.value else Count(written)
            macs = Count(written)
        else:
            disagreement = written.value
    return Unit(function, tuple(operations), macs, padding_macs, connections, disagreement)
