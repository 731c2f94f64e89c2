"""One step of each optimiser on one parameter of each network, by torch's definitions.

Some of torch's factors depend on the step alone; they come from a table, computed in float64:
`rate` is the learning rate times the first, `second` is the second (see `schedule_table`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from defib.ensemble.choices import DEFAULT_EPSILONS
from defib.ensemble.kernel.code import Code, Value
from defib.ensemble.specification import OptimizerSpecification

SLOTS = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "rmsprop": 1,
    "adagrad": 1,
    "adadelta": 2,
    "adam": 2,
}
"""Optimiser -> numbers that it remembers for each parameter."""
SCHEDULE_COLUMNS = 2


@final
@dataclass(frozen=True)
class Constants:
    """What an optimiser is told once: decay rates, one minus each of them, and epsilon."""

    l2: Value
    first: Value
    first_rest: Value
    second: Value
    second_rest: Value
    epsilon: Value


def constant_values(specification: OptimizerSpecification, l2: float) -> tuple[float, ...]:
    """The numbers of `Constants`, in its order."""
    first, second = {
        "adam": specification.betas,
        "rmsprop": (specification.alpha, 0.0),
        "adadelta": (specification.rho, 0.0),
        "momentum": (specification.momentum, 0.0),
        "nesterov": (specification.momentum, 0.0),
    }.get(specification.name, (0.0, 0.0))
    epsilon = specification.epsilon
    if epsilon is None:
        epsilon = DEFAULT_EPSILONS.get(specification.name, 0.0)
    return (l2, first, 1 - first, second, 1 - second, epsilon)


def schedule_table(specification: OptimizerSpecification, steps: int) -> np.ndarray:
    """[steps, 2] in float64: the factor of the learning rate, and `second` of each step."""
    table = np.ones((steps, SCHEDULE_COLUMNS))
    step = np.arange(1, steps + 1, dtype=np.float64)
    match specification.name:
        case "adam":
            first, second = specification.betas
            table[:, 0] = 1 / (1 - first**step)
            table[:, 1] = 1 / np.sqrt(1 - second**step)
        case "adagrad":
            table[:, 0] = 1 / (1 + (step - 1) * specification.learning_rate_decay)
        case "momentum":
            # The first step has no velocity to mix with: torch takes the gradient whole.
            table[1:, 1] = 1 - specification.dampening
    return table


@final
@dataclass(frozen=True)
class Rule:
    """An optimiser and its numbers at one step; `rate` has the step's factor in it."""

    name: str
    rate: Value
    second: Value
    constants: Constants


State = tuple[Value, Value, list[Value]]
"""Parameter, gradient, and the numbers remembered for the parameter."""


def stepped(code: Code, rule: Rule, state: State) -> tuple[Value, list[Value]]:
    """The parameter and the numbers remembered for it after a step."""
    parameter, gradient, slots = state
    gradient = code.fma(rule.constants.l2, parameter, gradient)
    match rule.name:
        case "sgd":
            return _moved(code, parameter, rule.rate, gradient), []
        case "momentum" | "nesterov":
            step, slots = _momentum_step(code, rule, gradient, slots)
            return _moved(code, parameter, rule.rate, step), slots
        case "adadelta":
            step, slots = _adadelta_step(code, rule.constants, gradient, slots)
            return _moved(code, parameter, rule.rate, step), slots
    return _divided_step(code, rule, (parameter, gradient, slots))


def _momentum_step(
    code: Code, rule: Rule, gradient: Value, slots: list[Value]
) -> tuple[Value, list[Value]]:
    """v = μ v + (1 - dampening) g; the step is v, with Nesterov g + μ v."""
    factor = rule.constants.first
    velocity = code.fma(factor, slots[0], code.builder.fmul(rule.second, gradient))
    if rule.name == "nesterov":
        return code.fma(factor, velocity, gradient), [velocity]
    return velocity, [velocity]


def _adadelta_step(
    code: Code, constants: Constants, gradient: Value, slots: list[Value]
) -> tuple[Value, list[Value]]:
    """Δ = sqrt(u + ε) / sqrt(s + ε) · g with running means s of g² and u of Δ²."""
    builder = code.builder
    squares = _running(code, slots[0], builder.fmul(gradient, gradient), constants)
    numerator = code.intrinsic("sqrt", builder.fadd(slots[1], constants.epsilon))
    denominator = code.intrinsic("sqrt", builder.fadd(squares, constants.epsilon))
    step = builder.fmul(builder.fdiv(numerator, denominator), gradient)
    return step, [squares, _running(code, slots[1], builder.fmul(step, step), constants)]


def _divided_step(code: Code, rule: Rule, state: State) -> tuple[Value, list[Value]]:
    """rate · direction / (sqrt(mean square) + ε): RMSProp, AdaGrad, Adam."""
    builder, (parameter, gradient, slots), constants = code.builder, state, rule.constants
    square = builder.fmul(gradient, gradient)
    direction = gradient
    match rule.name:
        case "rmsprop":
            slots = [_running(code, slots[0], square, constants)]
        case "adagrad":
            slots = [builder.fadd(slots[0], square)]
        case _:
            change = builder.fsub(gradient, slots[0])
            direction = code.fma(constants.first_rest, change, slots[0])
            kept = builder.fmul(constants.second, slots[1])
            slots = [direction, code.fma(constants.second_rest, square, kept)]
    root = code.intrinsic("sqrt", slots[-1])
    divisor = code.fma(root, rule.second, constants.epsilon)
    step = builder.fdiv(builder.fmul(rule.rate, direction), divisor)
    return builder.fsub(parameter, step), slots


def _running(code: Code, mean: Value, term: Value, constants: Constants) -> Value:
    """first · mean + (1 - first) · term."""
    kept = code.builder.fmul(constants.first, mean)
    return code.fma(constants.first_rest, term, kept)


def _moved(code: Code, parameter: Value, rate: Value, step: Value) -> Value:
    return code.fma(code.builder.fneg(rate), step, parameter)
