"""Puts together, per layer, what was measured and what was predicted."""

from __future__ import annotations

import math

from defib.analysis.signal_propagation.activations import Activation, identity
from defib.analysis.signal_propagation.gain import recommended_gain, torch_gain
from defib.analysis.signal_propagation.layers import WeightScale
from defib.analysis.signal_propagation.mean_field import (
    RandomNetwork,
    chi,
    depth_scale,
    fixed_point,
    variance_slope,
)
from defib.analysis.signal_propagation.prediction import (
    Expected,
    expect_backward,
    expect_forward,
)
from defib.analysis.signal_propagation.results import (
    Initialization,
    LayerSignal,
    LayerTheory,
    Moments,
    Pass,
)
from defib.analysis.signal_propagation.signal_graph import LayerCall, Trace


def layer_signals(trace: Trace, gradients: tuple[Moments | None, ...]) -> tuple[LayerSignal, ...]:
    """One result per layer call, in order. `gradients`: with respect to each node."""
    forward = expect_forward(trace)
    backward = expect_backward(trace, forward, gradients)
    values = tuple(node.returned for node in trace.nodes)
    signals: list[LayerSignal] = []
    for number, node in enumerate(trace.nodes):
        if node.call is None:
            continue
        after = _activation_after(trace, number)
        activation = None if after is None else trace.nodes[after].activation
        signals.append(
            LayerSignal(
                layer=node.call.name,
                call=node.call.call,
                kind=node.call.kind,
                activation=None if activation is None else activation.name,
                received=node.call.received,
                forward=_pass(values, forward, number, after),
                backward=_pass(gradients, backward, number, after),
                initialization=_initialization(node.call.scale, activation or identity()),
                theory=_theory(node.call, activation or identity(), node.returned),
            )
        )
    return tuple(signals)


def _activation_after(trace: Trace, number: int) -> int | None:
    return next((n for n in trace.children(number) if trace.nodes[n].activation is not None), None)


def _pass(
    measured: tuple[Moments | None, ...],
    expected: tuple[Expected, ...],
    layer: int,
    activation: int | None,
) -> Pass:
    return Pass(
        layer=measured[layer],
        activation=None if activation is None else measured[activation],
        predicted_layer=expected[layer].second_moment,
        predicted_activation=None if activation is None else expected[activation].second_moment,
        prediction=expected[layer].prediction,
    )


def _initialization(scale: WeightScale | None, activation: Activation) -> Initialization | None:
    if scale is None:
        return None
    gain = recommended_gain(activation)
    recommended = gain / math.sqrt(scale.fan_in)
    deviation = math.sqrt(scale.weight_variance)
    return Initialization(
        fan_in=scale.fan_in,
        deviation=deviation,
        mean=scale.weight_mean,
        gain=gain,
        torch_gain=torch_gain(activation),
        recommended_deviation=recommended,
        ratio=deviation / recommended,
    )


def _theory(call: LayerCall, activation: Activation, returned: Moments) -> LayerTheory | None:
    scale = call.scale
    if scale is None or not math.isfinite(returned.second_moment):
        return None
    weight_variance = scale.mean_fan_in * scale.weight_variance
    network = RandomNetwork(activation, weight_variance, scale.bias_second_moment)
    fixed = fixed_point(network)
    chi_1 = chi(network, fixed)
    return LayerTheory(
        weight_variance=weight_variance,
        bias_variance=scale.bias_second_moment,
        chi=chi(network, returned.second_moment),
        fixed_point=fixed,
        chi_1=chi_1,
        correlation_depth=depth_scale(chi_1),
        variance_depth=depth_scale(variance_slope(network, fixed)),
    )
