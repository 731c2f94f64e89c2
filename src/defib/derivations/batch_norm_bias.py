"""Why a bias before batch normalisation does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import numbers
from defib.derivations.spelling import spelled
from defib.derivations.writing import (
    as_fraction,
    chain,
    equation,
    over,
    partial,
    plus,
    power,
    result_chain,
    root,
    series,
    shown,
    symbol,
    times,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step, Table
from defib.records.formula import Formula

EXAMPLES = 3
"""Of the batch in the symbolic part: three numbers whose mean is none of them."""


@final
@dataclass(frozen=True)
class BatchNormBias(Problem):
    """The bias of a layer before batch normalisation cancels: derived, then shown with numbers."""

    exercises: ClassVar[tuple[str, ...]] = ("D5",)
    references: ClassVar[tuple[str, ...]] = (
        "Ioffe, Szegedy, Batch Normalization (2015), arXiv:1502.03167, Section 3.2.",
    )

    batch: str = option("1,2,6", "Inputs of a unit over the batch.")
    weight: str = option("2", "Its weight.")
    biases: str = option("0,7", "Two biases to compare.")

    def solve(self) -> Solution:
        return Solution(
            "A bias before batch normalisation",
            "z = w·x + b goes into batch normalisation. What does b change?",
            [*_normalized(), *_without_bias(), *self._numbers()],
            {f"deviation {n + 1}": as_fraction(x) for n, x in enumerate(self.deviations(0))},
            [self._check()],
        )

    @cached_property
    def inputs(self) -> tuple[Expr, ...]:
        """The batch. Raises `UsageError` if all its numbers are the same."""
        found = numbers(self.batch, "--batch")
        if len(set(found)) < 2:
            raise UsageError(
                f"Expected at least two different numbers for --batch, got `{self.batch}`: the "
                "variance of equal numbers is 0."
            )
        return found

    @cached_property
    def both(self) -> tuple[Expr, ...]:
        """The two biases."""
        return numbers(self.biases, "--biases", count=2)

    def outputs(self, which: int) -> tuple[Expr, ...]:
        """z of every example with one of the biases."""
        [weight] = numbers(self.weight, "--weight", count=1)
        return tuple(weight * x + self.both[which] for x in self.inputs)

    def deviations(self, which: int) -> tuple[Expr, ...]:
        """z less its mean over the batch."""
        values = self.outputs(which)
        mean = sympy.Add(*values) / len(values)
        return tuple(z - mean for z in values)

    def _numbers(self) -> Iterator[Step]:
        part = "With numbers"
        for which, bias in enumerate(self.both):
            values = self.outputs(which)
            mean = sympy.Add(*values) / len(values)
            variance = sympy.Add(*(d**2 for d in self.deviations(which))) / len(values)
            rows = tuple(
                (shown(x), shown(z), shown(d))
                for x, z, d in zip(self.inputs, values, self.deviations(which), strict=True)
            )
            yield Step(
                f"With b = {bias}.",
                "",
                (
                    result_chain("mu", over(_sum(values), len(values)), mean),
                    equation(power("sigma", 2), shown(variance)),
                ),
                part,
                Table(("x", "z", "z − μ"), rows),
            )
        yield Step(
            "The mean moves with the bias, the deviations and the variance do not.",
            "so that what comes out is the same; the shift β of the normalisation does what the "
            "bias was to do",
            part=part,
        )

    def _check(self) -> Check:
        """All outputs of the normalisation with both biases, exactly, divided by a common σ."""
        pairs = [
            (as_fraction(left), as_fraction(right))
            for left, right in zip(self.deviations(0), self.deviations(1), strict=True)
        ]
        first, second = (
            as_fraction(sympy.Add(*(d**2 for d in self.deviations(which)))) for which in (0, 1)
        )
        return compare(
            "exact", "deviations and variance with both biases", [*pairs, (first, second)]
        )


def _sum(values: Sequence[Expr]) -> Formula:
    return plus(*(shown(each) for each in values))


def _normalized() -> Iterator[Step]:
    part = "For every batch"
    yield Step(
        "What batch normalisation does to z over a batch of n.",
        "",
        (
            equation("mu", times(over(1, "n"), series("Σ", "i", None, "z_i"))),
            equation(
                power("sigma", 2),
                times(over(1, "n"), series("Σ", "i", None, power(spelled("zi - mu", zi="z_i"), 2))),
            ),
            equation(
                "y_i",
                spelled("gamma*h + beta", h=over(spelled("zi - mu", zi="z_i"), _deviation())),
            ),
        ),
        part,
    )
    yield Step(
        "The bias is in every z, so it is in the mean, and their difference is without it.",
        "the mean of w·x + b is w times the mean of x, plus b",
        (
            chain(
                spelled("zi - mu", zi="z_i"),
                "=",
                spelled("w*xi + b - (w*m + b)", xi="x_i", m=symbol("xbar")),
                "=",
                spelled("w*(xi - m)", xi="x_i", m=symbol("xbar")),
            ),
        ),
        part,
    )


def _without_bias() -> Iterator[Step]:
    """What SymPy finds for three examples: no output depends on the bias."""
    part = "For every batch"
    w, b, gamma, beta = sympy.symbols("w b gamma beta", real=True)
    epsilon = sympy.Symbol("epsilon", positive=True)
    inputs = sympy.symbols(f"x_1:{EXAMPLES + 1}", real=True)
    values = [w * x + b for x in inputs]
    mean = sum(values) / EXAMPLES
    deviation = sympy.expand(values[0] - mean)
    variance = sum((z - mean) ** 2 for z in values) / EXAMPLES
    normal = [(z - mean) / sympy.sqrt(variance + epsilon) for z in values]
    slopes = [sympy.simplify(sympy.diff(gamma * each + beta, b)) for each in normal]
    yield Step(
        f"SymPy expands it for a batch of {EXAMPLES}: no b is left.",
        "",
        (
            chain(spelled("z1 - mu", z1="z_1"), "=", deviation),
            equation(partial(power("sigma", 2), "b"), sympy.simplify(sympy.diff(variance, b))),
        ),
        part,
    )
    yield Step(
        "So no output depends on the bias, and the bias never learns.",
        "the gradient of any loss by b is a sum over ∂L/∂y times ∂y/∂b",
        tuple(equation(partial(f"y_{n}", "b"), slope) for n, slope in enumerate(slopes, start=1)),
        part,
    )


def _deviation() -> Formula:
    return root(spelled("s + epsilon", s=power("sigma", 2)))
