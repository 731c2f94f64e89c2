"""What could not be counted, or deserves a word, in plain sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import prod

from torch import nn

from defib.analysis.operators.catalogue import kind_of
from defib.analysis.operators.cost import Cost
from defib.analysis.trace import Trace
from defib.analysis.units import Unit
from defib.records.architecture import Exactness, ParameterRecord

LISTED = 3
"""Layers that a sentence names before it only says how many more there are."""


def uncounted(trace: Trace, costs: tuple[Cost, ...]) -> Iterator[str]:
    """Operators without formula, each with the layers that use it."""
    layers: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for operation, cost in zip(trace.operations, costs, strict=True):
        if cost.macs.exactness is Exactness.UNKNOWN:
            layers[kind_of(operation)][_layer(trace, operation.call)] = None
    for kind, names in layers.items():
        yield f"`{kind}` in {_listed(tuple(names))}: not counted, it has no formula."


def disagreements(trace: Trace, units: dict[int, list[Unit]]) -> Iterator[str]:
    """Functions whose formula differs from what their operators did: an error of one of both."""
    for call, found in units.items():
        for unit in found:
            if unit.disagreement is not None and unit.function is not None:
                yield (
                    f"`{unit.function.name}` in {_layer(trace, call)} was expected to take "
                    f"{unit.disagreement:,} multiply-accumulates, but its operators took "
                    f"{unit.macs.value:,}: the latter are counted."
                )


def uncalled_with_parameters(
    uncalled: tuple[str, ...], parameters: tuple[ParameterRecord, ...]
) -> Iterator[str]:
    """Modules without a call of their own, whose parameters count at the layer around them."""
    for name in uncalled:
        own = [each for each in parameters if each.name.startswith(f"{name}.")]
        elements = sum(prod(each.shape.dimensions) for each in own if not each.shared_with)
        if elements:
            yield (
                f"`{name}` is never called in evaluation mode; its {elements:,} parameters "
                "count at the layer around it."
            )


def uncalled_modules(trace: Trace) -> tuple[str, ...]:
    """Modules that nothing called and of which no parameter was used, outermost only.

    A container is called where anything in it is; an empty container has nothing to call.
    """
    called = {id(call.module) for call in trace.calls}
    used = {value.parameter for each in trace.operations for value in each.inputs}
    names = {id(tensor): name for name, tensor in trace.network.named_parameters()}
    idle: list[str] = []
    for name, module in trace.network.named_modules():
        if not name or any(name.startswith(f"{outer}.") for outer in idle):
            continue
        is_used = any(names[id(tensor)] in used for tensor in module.parameters())
        is_called = any(id(each) in called for each in module.modules())
        if not (is_used or is_called or _is_empty_container(module)):
            idle.append(name)
    return tuple(idle)


def _is_empty_container(module: nn.Module) -> bool:
    is_callable = type(module).forward is not nn.Module.forward
    return not is_callable and not any(True for _ in module.children())


def _layer(trace: Trace, call: int) -> str:
    name = trace.calls[call].name if call >= 0 else ""
    return f"`{name}`" if name else f"`{type(trace.network).__name__}` itself"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:LISTED])
    more = len(names) - LISTED
    return f"{shown} and {more} more" if more > 0 else shown
