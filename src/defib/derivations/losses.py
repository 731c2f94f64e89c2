"""Losses of a small network, with the gradient of each by its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from defib.derivations.activations import carried
from defib.derivations.algebra import Expr, Matrix, sympy
from defib.derivations.writing import (
    call,
    group,
    minus,
    negative,
    over,
    plus,
    power,
    result_chain,
    shown,
    symbol,
    times,
)
from defib.errors import UnknownNameError, UsageError
from defib.records.formula import Formula


@final
@dataclass(frozen=True)
class Loss:
    """A loss of the outputs ŷ at a target y, and how its value and gradient are written.

    `is_class`: the target is the number of a class, from 0.
    """

    value: Callable[[Matrix, Matrix], Expr]
    gradient: Callable[[Matrix, Matrix], Matrix]
    value_steps: Callable[[Matrix, Matrix, Expr], Formula]
    gradient_step: Callable[[Matrix, Matrix, int, Expr], Formula]
    rule: str
    is_class: bool = False

    def check(self, outputs: int, target: Matrix, place: str) -> None:
        """Raise `UsageError` if the target does not fit the outputs."""
        expected = 1 if self.is_class else outputs
        if target.rows != expected:
            raise UsageError(
                f"{place}: the network has {outputs} outputs; expected {expected} numbers as "
                f"`target`, got {target.rows}."
            )
        if self.is_class and not (target[0].is_Integer and 0 <= target[0] < outputs):
            raise UsageError(
                f"{place}: expected a class from 0 to {outputs - 1} as `target`, got {target[0]}."
            )


def output_symbol(index: int, count: int) -> Formula:
    """ŷ, with its number where there are several."""
    return symbol("yhat" if count == 1 else f"yhat_{index + 1}")


def target_symbol(index: int, count: int) -> Formula:
    """y, with its number where there are several."""
    return symbol("y" if count == 1 else f"y_{index + 1}")


def _names(outputs: Matrix) -> list[tuple[Formula, Formula]]:
    count = outputs.rows
    return [(output_symbol(i, count), target_symbol(i, count)) for i in range(count)]


def _squared(factor: Expr) -> Loss:
    def written(outputs: Matrix, target: Matrix, value: Expr) -> Formula:
        symbols = [power(group(minus(a, b)), 2) for a, b in _names(outputs)]
        numbers = [
            power(group(minus(shown(a), shown(b))), 2) for a, b in zip(outputs, target, strict=True)
        ]
        return result_chain("L", _scaled(factor, symbols), _scaled(factor, numbers), value)

    def gradient(outputs: Matrix, target: Matrix, index: int, value: Expr) -> Formula:
        name, wanted = _names(outputs)[index]
        difference = group(minus(shown(outputs[index]), shown(target[index])))
        if factor == sympy.Rational(1, 2):
            return result_chain(minus(name, wanted), difference, value)
        return result_chain(times(2, group(minus(name, wanted))), times(2, difference), value)

    return Loss(
        lambda outputs, target: factor * sum((a - b) ** 2 for a, b in _pairs(outputs, target)),
        lambda outputs, target: 2 * factor * (outputs - target),
        written,
        gradient,
        "the derivative of a square is twice what is squared",
    )


def _pairs(outputs: Matrix, target: Matrix) -> list[tuple[Expr, Expr]]:
    return list(zip(outputs, target, strict=True))


def _scaled(factor: Expr, terms: Sequence[Formula]) -> Formula:
    inside = plus(*terms)
    if factor == 1:
        return inside
    return times(factor, inside if len(terms) == 1 else group(inside))


def softmax(outputs: Matrix) -> Matrix:
    """e^z_i/Σ e^z_j."""
    exponentials = [sympy.exp(each) for each in outputs]
    return sympy.ImmutableMatrix([each / sum(exponentials) for each in exponentials])


def _cross_entropy_value(outputs: Matrix, target: Matrix) -> Expr:
    return -sympy.log(softmax(outputs)[int(target[0])])


def _cross_entropy_gradient(outputs: Matrix, target: Matrix) -> Matrix:
    wanted = sympy.ImmutableMatrix([int(i == int(target[0])) for i in range(outputs.rows)])
    return softmax(outputs) - wanted


def _cross_entropy_written(outputs: Matrix, target: Matrix, value: Expr) -> Formula:
    chosen = carried(softmax(outputs)[int(target[0])])
    probability = symbol(f"p_{int(target[0]) + 1}")
    return result_chain(
        "L", negative(call("ln", probability)), negative(call("ln", shown(chosen))), value
    )


def _cross_entropy_slope(outputs: Matrix, target: Matrix, index: int, _: Expr) -> Formula:
    probability = carried(softmax(outputs)[index])
    wanted = int(index == int(target[0]))
    exponentials = [power("e", shown(each)) for each in outputs]
    share = over(exponentials[index], plus(*exponentials))
    return result_chain(
        minus(symbol(f"p_{index + 1}"), wanted), minus(share, wanted), carried(probability) - wanted
    )


def _binary_value(outputs: Matrix, target: Matrix) -> Expr:
    z, y = outputs[0], target[0]
    return sympy.log(1 + sympy.exp(z)) - y * z


def _binary_gradient(outputs: Matrix, target: Matrix) -> Matrix:
    return sympy.ImmutableMatrix([1 / (1 + sympy.exp(-outputs[0])) - target[0]])


def _binary_written(outputs: Matrix, target: Matrix, value: Expr) -> Formula:
    z, y = outputs[0], target[0]
    return result_chain(
        "L",
        minus(call("ln", plus(1, power("e", "yhat"))), times("y", "yhat")),
        minus(call("ln", plus(1, power("e", shown(z)))), times(shown(y), shown(z))),
        value,
    )


def _binary_slope(outputs: Matrix, target: Matrix, index: int, value: Expr) -> Formula:
    return result_chain(
        minus(call("sigma", "yhat"), "y"),
        minus(call("sigma", shown(outputs[index])), shown(target[index])),
        value,
    )


LOSSES: Mapping[str, Loss] = {
    "squared-error": _squared(sympy.Rational(1)),
    "half-squared-error": _squared(sympy.Rational(1, 2)),
    "cross-entropy": Loss(
        _cross_entropy_value,
        _cross_entropy_gradient,
        _cross_entropy_written,
        _cross_entropy_slope,
        "of softmax and cross-entropy together the gradient is the probability, less one at the "
        "right class (`defib derive softmax-cross-entropy`)",
        is_class=True,
    ),
    "binary-cross-entropy": Loss(
        _binary_value,
        _binary_gradient,
        _binary_written,
        _binary_slope,
        "the output is a score; of sigmoid and cross-entropy together the gradient is σ(ŷ) − y",
    ),
}


def loss_called(name: str) -> Loss:
    """The loss `name`. Raises `UnknownNameError` if there is none."""
    if name not in LOSSES:
        raise UnknownNameError("loss", name, LOSSES, advice=f"Known are {', '.join(LOSSES)}.")
    return LOSSES[name]
