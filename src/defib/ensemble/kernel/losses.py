"""Losses of the outputs of one example, and their gradients; one number for each network."""

from __future__ import annotations

from functools import reduce

from defib.ensemble.kernel import functions
from defib.ensemble.kernel.code import Code, Value


def target_columns(loss: str, outputs: int) -> int:
    """Numbers that the target of one example has: a class number, or one for each output."""
    return 1 if loss == "softmax_cross_entropy" else outputs


def loss_terms(outputs: int, loss: str) -> int:
    """Terms of the mean that one example has: one for each output, one for a class."""
    return target_columns(loss, outputs)


def example_loss(code: Code, loss: str, outputs: list[Value], targets: list[Value]) -> Value:
    """The sum of the loss over the outputs of one example."""
    builder = code.builder
    if loss == "softmax_cross_entropy":
        largest = reduce(lambda x, y: _larger(code, x, y), outputs)
        shares = [functions.exponential(code, builder.fsub(z, largest)) for z in outputs]
        total = functions.logarithm(code, reduce(builder.fadd, shares))
        chosen = code.constant(0.0)
        for number, output in enumerate(outputs):
            chosen = builder.select(_is_class(code, targets[0], number), output, chosen)
        return builder.fadd(total, builder.fsub(largest, chosen))
    pairs = zip(outputs, targets, strict=True)
    return reduce(builder.fadd, [_output_loss(code, loss, z, t) for z, t in pairs])


def loss_gradient(code: Code, loss: str, outputs: list[Value], targets: list[Value]) -> list[Value]:
    """The derivative of `example_loss` with respect to each output."""
    builder = code.builder
    if loss == "softmax_cross_entropy":
        largest = reduce(lambda x, y: _larger(code, x, y), outputs)
        shares = [functions.exponential(code, builder.fsub(z, largest)) for z in outputs]
        total = reduce(builder.fadd, shares)
        zero, one = code.constant(0.0), code.constant(1.0)
        return [
            builder.fsub(
                builder.fdiv(share, total),
                builder.select(_is_class(code, targets[0], number), one, zero),
            )
            for number, share in enumerate(shares)
        ]
    return [_output_gradient(code, loss, z, t) for z, t in zip(outputs, targets, strict=True)]


def _output_loss(code: Code, loss: str, z: Value, t: Value) -> Value:
    builder = code.builder
    match loss:
        case "logistic":
            return builder.fsub(functions.softplus(code, z), builder.fmul(t, z))
        case "hinge":
            margin = code.fma(builder.fneg(t), z, code.constant(1.0))
            return functions.at_least(code, margin, 0.0)
    difference = builder.fsub(z, t)
    return builder.fmul(difference, difference)


def _output_gradient(code: Code, loss: str, z: Value, t: Value) -> Value:
    builder = code.builder
    match loss:
        case "logistic":
            return builder.fsub(functions.sigmoid(code, z), t)
        case "hinge":
            margin = code.fma(builder.fneg(t), z, code.constant(1.0))
            met = builder.fcmp_ordered("<=", margin, code.constant(0.0))
            return builder.select(met, code.constant(0.0), builder.fneg(t))
    difference = builder.fsub(z, t)
    return builder.fadd(difference, difference)


def _is_class(code: Code, target: Value, number: int) -> Value:
    return code.builder.fcmp_ordered("==", target, code.constant(float(number)))


def _larger(code: Code, x: Value, y: Value) -> Value:
    """max(x, y); NaN where x is NaN."""
    return code.builder.select(code.builder.fcmp_ordered(">", y, x), y, x)
