"""What the weights of a network that was not trained have in common."""

from __future__ import annotations

from defib.records.architecture import Architecture, OperationRecord, ParameterRecord
from defib.rules.base import CannotJudge
from defib.rules.graph import Graph
from defib.rules.operators import CONVOLUTIONS, operator_of


def require_values(architecture: Architecture) -> None:
    """Raise `CannotJudge` where no parameter has numbers: the network is on the meta device."""
    parameters = architecture.parameters
    if parameters and all(each.values is None for each in parameters):
        raise CannotJudge("the weights have no numbers")


def bias_constant(graph: Graph, operation: OperationRecord) -> float | None:
    """The number that every unit adds, 0 without a bias; `None` where they differ."""
    bias = graph.bias(operation)
    if bias is None:
        return 0.0
    return bias.values.constant if bias.values is not None else None


def are_units_alike(graph: Graph, operation: OperationRecord) -> bool:
    """Whether several trained units have equal weights, which are not all 0."""
    [weight, *others] = graph.weights(operation)
    axis = _unit_axis(operation, weight)
    has_groups = operation.window is not None and operation.window.groups > 1
    # Units of a grouped convolution see different channels: equal weights do not make them equal.
    if others or has_groups or not weight.is_trainable or weight.values is None:
        return False
    is_several = weight.shape.dimensions[axis] > 1
    return is_several and weight.values.constant != 0 and _are_alike(weight, axis)


def are_inputs_alike(graph: Graph, operation: OperationRecord) -> bool:
    """Whether a layer reads every unit before it with equal weights."""
    return all(
        _are_alike(weight, 1 - _unit_axis(operation, weight)) for weight in graph.weights(operation)
    )


def _unit_axis(operation: OperationRecord, weight: ParameterRecord) -> int:
    if operator_of(operation) in CONVOLUTIONS:
        return 1 if operation.window is not None and operation.window.is_transposed else 0
    # `x @ weight` takes it as it is; `linear` transposes it first.
    return 1 if weight.name in operation.parameters else 0


def _are_alike(weight: ParameterRecord, axis: int) -> bool:
    values = weight.values
    if values is None:
        return False
    return values.are_units_alike if axis == 0 else values.are_inputs_alike
