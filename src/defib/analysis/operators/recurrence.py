"""Recurrent layers that run as one operator."""

from __future__ import annotations

from collections.abc import Iterable

from defib.analysis.operators.cost import Cost, cost, product, times
from defib.analysis.trace import Operation, Trace, Value
from defib.records.expression import Expression, Integer, total


def recurrent_macs(weights: Iterable[Value], steps: int, batch: int) -> Expression:
    """Each weight matrix meets each step of each sequence once."""
    matrices = [each.shape.dimensions for each in weights if len(each.shape.dimensions) == 2]
    return total(
        [
            times(
                product(Integer(inputs, "inputs"), Integer(outputs, "gate outputs")),
                Integer(steps, "steps"),
                Integer(batch, "batch"),
            )
            for outputs, inputs in matrices
        ]
    )


def cudnn_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `_cudnn_rnn(input, weights, ...)`, whose input is (steps, batch, features)."""
    features, weights = operation.arguments[:2]
    return cost(_on(features, weights))


def mkldnn_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `mkldnn_rnn_layer(input, weight, weight, bias, bias, ...)`: one layer."""
    features, *weights = operation.arguments[:3]
    return cost(_on(features, weights))


def _on(features: Value, weights: Iterable[Value]) -> Expression:
    *leading, _ = features.shape.dimensions
    steps, batch = leading if len(leading) == 2 else (leading[0], 1)
    return recurrent_macs(weights, steps, batch)
