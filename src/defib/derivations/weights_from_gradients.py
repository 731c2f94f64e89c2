"""Backpropagation read backwards: which weights give these gradients."""

from __future__ import annotations

from collections.abc import Iterator

from defib.derivations.algebra import Expr, Matrix, sympy
from defib.derivations.network import Network
from defib.derivations.propagation import LayerPass, Pass
from defib.derivations.writing import (
    chain,
    equation,
    group,
    minus,
    over,
    partial,
    plus,
    result_chain,
    shown,
    symbol,
    times,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Step
from defib.records.formula import Formula

PART = "Backwards: which weights give these gradients?"


def weights_from_gradients(network: Network, passed: Pass) -> Iterator[Step]:
    """Solve for all weights that a network of this shape can have, given only its gradients.

    For one hidden ReLU layer, one linear output, squared error, biases of the hidden layer known.
    Raises `UsageError` for any other network, and where the gradients say nothing (all zero).
    """
    _check(network, passed)
    hidden, output = passed.layers
    delta = output.delta[0]
    yield from _output_step(network, delta)
    yield _hidden_outputs(delta, output.weight_gradient)
    yield _output_weights(hidden, delta)
    yield _consistent(network, passed)
    yield _hidden_weights(network, hidden)


def _check(network: Network, passed: Pass) -> None:
    kinds = [layer.activation for layer in network.layers]
    is_fit = kinds == ["relu", "identity"] and network.layers[-1].weights.rows == 1
    if not is_fit or network.loss != "squared-error":
        raise UsageError(
            "The way back is worked out for one hidden ReLU layer, one linear output and "
            f"squared-error; this network has {', '.join(kinds)} and {network.loss}."
        )
    if passed.layers[-1].delta[0] == 0:
        raise UsageError(
            "Every gradient of this example is 0 (the output equals the target): no weight can "
            "be told from them."
        )


def _output_step(network: Network, delta: Expr) -> Iterator[Step]:
    target = network.target[0]
    prediction = target + delta / 2
    yield Step(
        "The gradient of the output bias is that of the output, which gives the output.",
        "∂L/∂b = ∂L/∂ŷ = 2·(ŷ − y), solved for ŷ",
        (
            chain(times(2, group(minus("yhat", shown(target)))), "=", shown(delta)),
            result_chain(symbol("yhat"), plus(shown(target), over(shown(delta), 2)), prediction),
        ),
        PART,
    )


def _hidden_outputs(delta: Expr, gradients: Matrix) -> Step:
    formulas = tuple(
        result_chain(
            f"h^(1)_{k + 1}",
            over(partial("L", f"w^(2)_1,{k + 1}"), partial("L", "yhat")),
            over(shown(gradients[0, k]), shown(delta)),
            gradients[0, k] / delta,
        )
        for k in range(gradients.cols)
    )
    reason = "∂L/∂w is ∂L/∂ŷ times what the weight is multiplied with"
    return Step(
        "The gradients of the output weights give the hidden outputs.", reason, formulas, PART
    )


def _output_weights(hidden: LayerPass, delta: Expr) -> Step:
    formulas: list[Formula] = []
    for k in range(hidden.delta.rows):
        gradient = hidden.delta[k]
        name = f"w^(2)_1,{k + 1}"
        if hidden.outputs[k] == 0:
            formulas.append(chain(name, "∈", words("any number: its unit is off")))
            continue
        formulas.append(
            result_chain(
                name,
                over(partial("L", f"b^(1)_{k + 1}"), partial("L", "yhat")),
                over(shown(gradient), shown(delta)),
                gradient / delta,
            )
        )
    return Step(
        "The gradients of the hidden biases give the output weights of the units that are on.",
        "the slope of a ReLU that is on is 1; one that is off passes nothing back",
        tuple(formulas),
        PART,
    )


def _consistent(network: Network, passed: Pass) -> Step:
    hidden, output = passed.layers
    delta = output.delta[0]
    known = [
        (hidden.delta[k] / delta, hidden.outputs[k])
        for k in range(hidden.delta.rows)
        if hidden.outputs[k] != 0
    ]
    bias = network.target[0] + delta / 2 - sum(a * b for a, b in known)
    terms = [times(shown(a), shown(b)) for a, b in known]
    formula = result_chain(
        "b^(2)_1",
        minus("yhat", group(words("weights times hidden outputs"))),
        minus(shown(network.target[0] + delta / 2), group(plus(*terms))),
        bias,
    )
    return Step(
        "The output bias follows.",
        "the output is the sum of weights times hidden outputs, plus the bias",
        (formula,),
        PART,
    )


def _hidden_weights(network: Network, hidden: LayerPass) -> Step:
    layer = network.layers[0]
    formulas: list[Formula] = []
    for j in range(layer.weights.rows):
        names = [symbol(f"w^(1)_{j + 1},{k + 1}") for k in range(layer.weights.cols)]
        total = plus(
            *(times(shown(x), name) for x, name in zip(network.inputs, names, strict=True)),
            f"b^(1)_{j + 1}",
        )
        value = hidden.outputs[j]
        sign = "≤" if value == 0 else "="
        formulas.append(chain(total, sign, shown(value)))
        solved = _solved(network, j, value)
        if solved is not None:
            formulas.append(solved)
    return Step(
        "Of the hidden weights only what they add up to is known: every solution gives the "
        "same gradients.",
        "a unit that is on has z = h; of one that is off only z ≤ 0 is known",
        tuple(formulas),
        PART,
    )


def _solved(network: Network, unit: int, value: Expr) -> Formula | None:
    """The first weight of a unit that is on, by the others: SymPy's solution of its equation."""
    inputs = list(network.inputs)
    used = next((k for k, x in enumerate(inputs) if x != 0), None)
    if value == 0 or used is None:
        return None
    names = [sympy.Symbol(f"w^(1)_{unit + 1},{k + 1}") for k in range(len(inputs))]
    bias = sympy.Symbol(f"b^(1)_{unit + 1}")
    equation_of_unit = sum(x * w for x, w in zip(inputs, names, strict=True)) + bias - value
    [solution] = sympy.solve(equation_of_unit, names[used])
    return equation(names[used], solution)
