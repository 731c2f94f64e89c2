"""Activations and their derivatives, the latter from the activation alone: inputs are not kept."""

from __future__ import annotations

from defib.ensemble.kernel import functions
from defib.ensemble.kernel.code import Code, Value
from defib.ensemble.specification import Activation


def activated(code: Code, activation: Activation, x: Value) -> Value:
    """f(x)."""
    builder, zero = code.builder, code.constant(0.0)
    match activation.name:
        case "relu":
            return functions.at_least(code, x, 0.0)
        case "leaky_relu":
            low = builder.fcmp_ordered("<", x, zero)
            return builder.select(low, builder.fmul(x, code.constant(activation.slope)), x)
        case "elu":
            below = functions.expm1(code, functions.at_most(code, x, 0.0))
            return builder.select(builder.fcmp_ordered("<", x, zero), below, x)
        case "tanh":
            return functions.tanh(code, x)
        case "sigmoid":
            return functions.sigmoid(code, x)
    return x


def times_derivative(code: Code, activation: Activation, a: Value, gradient: Value) -> Value:
    """gradient · f'(x) where f(x) = a. At 0, ReLU and leaky ReLU take the left derivative."""
    builder, one = code.builder, code.constant(1.0)
    low = builder.fcmp_ordered("<=", a, code.constant(0.0))
    match activation.name:
        case "relu":
            return builder.select(low, code.constant(0.0), gradient)
        case "leaky_relu":
            below = builder.fmul(gradient, code.constant(activation.slope))
            return builder.select(low, below, gradient)
        case "elu":
            below = builder.fmul(gradient, builder.fadd(a, one))
            return builder.select(low, below, gradient)
        case "tanh":
            return builder.fmul(gradient, code.fma(builder.fneg(a), a, one))
        case "sigmoid":
            return builder.fmul(gradient, builder.fmul(a, builder.fsub(one, a)))
    return gradient
