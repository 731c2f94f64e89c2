"""Backpropagation through a small network: forward, chain rule, update, with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.losses import loss_called, output_symbol
from defib.derivations.network import Network, checked_sizes, network_of, read_network
from defib.derivations.propagation import (
    Pass,
    TrainingStep,
    gradient_of,
    parameters_of,
    propagate,
    torch_form,
    train,
    value_of,
    with_parameters,
)
from defib.derivations.propagation_steps import backward_steps, forward_steps
from defib.derivations.update_forms import written_lines
from defib.derivations.update_rules import update_rule_called
from defib.derivations.weights_from_gradients import weights_from_gradients
from defib.derivations.writing import (
    as_fraction,
    as_result,
    chain,
    decimal,
    group,
    minus,
    negative,
    over,
    partial,
    plus,
    power,
    result_chain,
    shown,
    symbol,
    times,
    written,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Derivation, Result, Step, Table
from defib.records.formula import Formula

EXAMPLE: dict[str, Any] = {
    "input": [1, 2],
    "target": 3,
    "loss": "squared-error",
    "learning-rate": "1/10",
    "layer": [
        {"weights": [[2, 1], [1, -1], [1, 2]], "activation": "relu"},
        {"weights": [[-1, "v", 2]]},
    ],
}
"""Two inputs, three ReLUs, a linear output: weights that give the gradients of exercise D1."""


@final
@dataclass(frozen=True)
class Backprop(Problem):
    """Every derivative of a small fully connected network by the chain rule, and its update.

    NETWORK is a TOML file. Numbers may be fractions ("1/3"); a name ("v") is an unknown weight
    and stays a symbol.

    \b
        input = [1, 2]
        target = 3
        loss = "squared-error"     # half-squared-error, cross-entropy, binary-cross-entropy
        learning-rate = "1/10"
        optimizer = "sgd"          # any that `defib derive optimizer` knows
        steps = 1
        [[layer]]
        weights = [[2, 1], [1, -1], [1, 2]]    # a row for each unit
        biases = [0, 0, 0]
        activation = "relu"        # leaky-relu, sigmoid, tanh, identity
        [[layer]]
        weights = [[-1, "v", 2]]
    """

    exercises: ClassVar[tuple[str, ...]] = ("D1",)
    references: ClassVar[tuple[str, ...]] = (
        "Rumelhart, Hinton, Williams, Learning representations by back-propagating errors (1986), "
        "Nature 323.",
    )

    network: Path | None = option(None, "A TOML file.", is_argument=True)
    example: bool = option(False, "The worked example: two inputs, three ReLUs, one output.")
    backwards: bool = option(False, "Also solve for the weights that give these gradients.")
    steps: int = option(0, "Steps of the optimiser; 0: as many as the file says.")
    content: Network | None = None
    """The network itself, for callers that have no file."""

    def solve(self) -> Solution:
        network = self.resolved
        run = self.training
        passed = run[0].passed
        steps = [
            *forward_steps(network, passed),
            *backward_steps(network, passed),
            *_update(network, run[0]),
        ]
        steps += _further(run)
        if self.example:
            steps += _directions(network, run[0])
        if self.backwards or self.example:
            steps += weights_from_gradients(network, passed)
        return Solution(
            "Backpropagation, by hand",
            f"A network of {_sizes(network)} at one example: what is every derivative of its loss, "
            "and what does a step of the optimiser do?",
            steps,
            _results(network, run),
            _checks(network, passed),
        )

    @cached_property
    def resolved(self) -> Network:
        """The network that was asked for."""
        if sum((self.network is not None, self.example, self.content is not None)) != 1:
            raise UsageError(
                "Expected a network as a TOML file, or --example; `defib derive backprop --help` "
                "shows such a file."
            )
        network = self.content or network_of(EXAMPLE)
        if self.network is not None:
            network = read_network(self.network)
        if self.steps:
            network = replace(network, steps=self.steps)
        checked_sizes(network, "the network" if self.network is None else str(self.network))
        return network

    @cached_property
    def training(self) -> tuple[TrainingStep, ...]:
        """The steps of its optimiser."""
        return train(self.resolved)


def _sizes(network: Network) -> str:
    counts = [network.inputs.rows, *(layer.weights.rows for layer in network.layers)]
    return " → ".join(map(str, counts)) + " units"


def _update(network: Network, step: TrainingStep) -> Iterator[Step]:
    rule = update_rule_called(network.optimizer)
    formulas = []
    if network.optimizer == "sgd":
        for each in parameters_of(network):
            value, gradient = value_of(network, each), gradient_of(step.passed, each)
            inside = minus(shown(value), times(shown(network.learning_rate), shown(gradient)))
            new = step.values[each]["p"]
            formulas.append(_assigned(each.name, inside, new))
        reason = "against the gradient: the loss falls in the direction of its negative"
        sign = chain("w", "←", minus("w", times("eta", partial("L", "w"))))
        yield Step("The update, with its sign.", reason, (sign,), "Update")
        yield Step("Every weight and bias.", "", tuple(formulas), "Update")
    else:
        lines = written_lines(torch_form(network.optimizer))
        yield Step(f"The update, by {rule.title}.", rule.idea, lines, "Update", _moved(step))
    after = propagate(step.after)
    loss = loss_called(network.loss)
    text = loss.value_steps(after.output, network.target, after.loss)
    yield Step("The loss of the same example after the step.", "", (text,), "Update")


def _assigned(name: str, inside: Formula, value: Expr) -> Formula:
    result = result_chain(inside, value)
    return chain(name, "←", result.members[0], *[x for pair in result.links for x in pair])


def _moved(step: TrainingStep) -> Table:
    rows = tuple(
        (
            written(each.name),
            shown(value_of(step.before, each)),
            shown(gradient_of(step.passed, each)),
            shown(found["p"]),
        )
        for each, found in step.values.items()
    )
    return Table(("parameter", "before", "gradient", "after"), rows)


def _further(run: tuple[TrainingStep, ...]) -> Iterator[Step]:
    for number, step in enumerate(run[1:], start=2):
        part = f"Step {number}"
        outputs = step.passed.output
        lines = [
            result_chain(output_symbol(i, outputs.rows), each) for i, each in enumerate(outputs)
        ]
        yield Step(
            f"Forward and backward with the weights after step {number - 1}.",
            "",
            (*lines, result_chain("L", step.passed.loss)),
            part,
            _moved(step),
        )


SMALLER = 100
"""How many times smaller the step is that shows the direction to be right."""


def _directions(network: Network, step: TrainingStep) -> Iterator[Step]:
    """How the loss changes along the gradient and against it: the sign, and the length."""
    gradients = [gradient_of(step.passed, each) for each in parameters_of(network)]
    squares = [power(shown(each), 2) for each in gradients if each != 0]
    along = sum(each**2 for each in gradients)
    yield Step(
        "Why minus: along the step the loss changes, at first, by minus the sum of the squared "
        "derivatives for each unit of η.",
        "the chain rule, with dw/dη = −∂L/∂w",
        (
            result_chain(
                over(symbol("dL"), symbol("deta")), negative(group(plus(*squares))), -along
            ),
        ),
        "The sign and the length of the step",
    )
    plus_sign = _loss_after(network, step, network.learning_rate)
    yield Step(
        "The published update has the wrong sign.",
        "The solution sheet of this exercise adds the gradient, w ← w + η·∂L/∂w. That climbs.",
        (plus_sign,),
        "The sign and the length of the step",
    )
    rate = network.learning_rate / SMALLER
    yield Step(
        f"With a step {SMALLER} times smaller the loss falls, and with the other sign it rises.",
        "the derivative above holds for short steps; a long one may pass the minimum and climb "
        "the other side, which is what a too high learning rate does",
        (result_chain("eta", over(shown(network.learning_rate), SMALLER), rate),),
        "The sign and the length of the step",
        Table(
            ("step", "loss before", "loss after"),
            tuple(
                (name, shown(step.passed.loss), _after(network, step, sign * rate))
                for name, sign in (("w − η·∂L/∂w", -1), ("w + η·∂L/∂w", 1))
            ),
        ),
    )


def _moved_along(network: Network, step: TrainingStep, rate: Expr) -> Pass:
    """The pass with every parameter moved by `rate` times its gradient."""
    moved = {
        each: value_of(network, each) + rate * gradient_of(step.passed, each)
        for each in parameters_of(network)
    }
    return propagate(with_parameters(network, moved))


def _loss_after(network: Network, step: TrainingStep, rate: Expr) -> Formula:
    passed = _moved_along(network, step, rate)
    return loss_called(network.loss).value_steps(passed.output, network.target, passed.loss)


def _after(network: Network, step: TrainingStep, rate: Expr) -> Formula:
    value = _moved_along(network, step, rate).loss
    return chain(shown(value), "≈", decimal(value, 4))


def _results(network: Network, run: tuple[TrainingStep, ...]) -> dict[str, Result]:
    passed = run[0].passed
    results: dict[str, Result] = {"L": as_result(passed.loss)}
    results |= {f"yhat_{i + 1}": as_result(each) for i, each in enumerate(passed.output)}
    for each in parameters_of(network):
        results[f"dL/d{each.name}"] = as_result(gradient_of(passed, each))
        results[each.name] = as_result(run[-1].values[each]["p"])
    return results


DIFFERENCE = sympy.Rational(1, 10**6)
"""By which a parameter is moved to both sides for a difference quotient."""


def _checks(network: Network, passed: Pass) -> Iterator[Check]:
    """Difference quotients of the exact loss, where every number is known."""
    if network.unknowns:
        return
    pairs = []
    values = {each: value_of(network, each) for each in parameters_of(network)}
    for each, value in values.items():
        above, below = (
            propagate(with_parameters(network, {**values, each: value + sign * DIFFERENCE})).loss
            for sign in (1, -1)
        )
        quotient = as_fraction((above - below) / (2 * DIFFERENCE))
        pairs.append((as_fraction(gradient_of(passed, each)), float(quotient)))
    largest = max((abs(float(left)) for left, _ in pairs), default=0.0)
    yield compare(
        "difference quotients",
        "every gradient, from the loss a millionth to both sides",
        pairs,
        tolerance=1e-5 * max(1.0, largest),
    )


def backpropagation(network: Mapping[str, Any]) -> Derivation:
    """The derivation for a network given as a mapping with the keys of the TOML file.

    `backpropagation({"input": [1, 2], "target": 3, "layer": [{"weights": [[1, "v"]]}]})`.
    """
    return Backprop(content=network_of(network)).derive()
