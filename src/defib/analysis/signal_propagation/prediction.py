"""The second moments that mean-field theory expects at each node of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.analysis.signal_propagation.mean_field import (
    activation_second_moment,
    derivative_second_moment,
)
from defib.analysis.signal_propagation.results import Moments, Prediction
from defib.analysis.signal_propagation.signal_graph import LayerCall, Node, Trace


@final
@dataclass(frozen=True)
class Expected:
    """A second moment (`None`: no formula) and what it was computed from."""

    second_moment: float | None
    prediction: Prediction


_NOTHING = Expected(None, Prediction.NONE)


def expect_forward(trace: Trace) -> tuple[Expected, ...]:
    """Of the values, for each node.

    A layer: mean fan-in · Var w · E[x²] + E[b²], an activation: E[φ(√q z)²]; each from the
    prediction before it, or from the measured input if there is none.
    """
    expected: list[Expected] = []
    for node in trace.nodes:
        if node.call is None and node.activation is None:
            expected.append(Expected(node.returned.second_moment, Prediction.CHAINED))
        elif node.call is not None:
            expected.append(_expect_layer(node, node.call, expected))
        else:
            expected.append(_expect_activation(trace, node, expected))
    return tuple(expected)


def _expect_layer(node: Node, call: LayerCall, before: list[Expected]) -> Expected:
    if call.scale is None or call.received is None:
        return _NOTHING
    start = _received(node, before, measured=call.received.second_moment)
    assert start.second_moment is not None
    scale = call.scale
    gathered = scale.mean_fan_in * scale.weight_variance * start.second_moment
    return Expected(gathered + scale.bias_second_moment, start.prediction)


def _expect_activation(trace: Trace, node: Node, before: list[Expected]) -> Expected:
    assert node.activation is not None
    assert node.parent is not None
    measured = trace.nodes[node.parent].returned.second_moment * node.factor
    start = _received(node, before, measured=measured)
    assert start.second_moment is not None
    return Expected(
        activation_second_moment(node.activation, start.second_moment), start.prediction
    )


def _received(node: Node, before: list[Expected], *, measured: float) -> Expected:
    parent = None if node.parent is None else before[node.parent]
    if parent is None or parent.second_moment is None:
        return Expected(measured, Prediction.FROM_MEASURED_INPUT)
    return Expected(parent.second_moment * node.factor, Prediction.CHAINED)


def expect_backward(
    trace: Trace, forward: tuple[Expected, ...], gradients: tuple[Moments | None, ...]
) -> tuple[Expected, ...]:
    """Of the gradients with respect to each node, for a unit-variance cotangent at the output.

    Through a layer: mean fan-out · Var w, through an activation: E[φ'(√q z)²]. Where a node has
    several uses, or one without formula, the gradient measured there is the start.
    """
    expected: list[Expected] = [_NOTHING] * len(trace.nodes)
    passed: list[Expected] = [_NOTHING] * len(trace.nodes)
    for number in reversed(range(len(trace.nodes))):
        if gradients[number] is None:
            continue
        expected[number] = _expect_gradient(trace, number, passed, gradients[number])
        passed[number] = _pass_down(trace, number, forward, expected[number])
    return tuple(expected)


def _expect_gradient(
    trace: Trace, number: int, passed: list[Expected], measured: Moments | None
) -> Expected:
    children = trace.children(number)
    is_result = number in trace.results
    if number not in trace.branched and len(children) + is_result == 1:
        if is_result:
            return Expected(1.0, Prediction.CHAINED)
        [child] = children
        if passed[child].second_moment is not None:
            return passed[child]
    assert measured is not None
    return Expected(measured.second_moment, Prediction.FROM_MEASURED_INPUT)


def _pass_down(
    trace: Trace, number: int, forward: tuple[Expected, ...], gradient: Expected
) -> Expected:
    """The gradient with respect to the parent, by way of this node."""
    node = trace.nodes[number]
    if gradient.second_moment is None or node.parent is None:
        return _NOTHING
    if node.activation is not None:
        start = forward[node.parent].second_moment
        if start is None:
            start = trace.nodes[node.parent].returned.second_moment
        slope = derivative_second_moment(node.activation, start * node.factor)
    elif node.call is not None and node.call.scale is not None:
        slope = node.call.scale.mean_fan_out * node.call.scale.weight_variance
    else:
        return _NOTHING
    return Expected(gradient.second_moment * slope * node.factor, Prediction.CHAINED)
