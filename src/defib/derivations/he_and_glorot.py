"""Why He's and Glorot's initialisations have the variance that they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import ClassVar, final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import at_least, numbers
from defib.derivations.spelling import spelled
from defib.derivations.writing import (
    as_fraction,
    call,
    chain,
    decimal,
    equation,
    over,
    power,
    result_chain,
    root,
    shown,
    times,
    words,
    written,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step, Table

UNITS = 8
"""Inputs of the unit whose sign patterns are all tried: 256."""


DEEPEST = 1_000
"""Layers: the exact factor of more has thousands of digits."""


@final
@dataclass(frozen=True)
class HeAndGlorot(Problem):
    """The variance argument behind He's and Glorot's initialisations, then with numbers."""

    exercises: ClassVar[tuple[str, ...]] = ("C1",)
    references: ClassVar[tuple[str, ...]] = (
        "Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks "
        "(2010), AISTATS.",
        "He, Zhang, Ren, Sun, Delving Deep into Rectifiers (2015), arXiv:1502.01852.",
    )

    fan_in: int = option(100, "Inputs of a unit.")
    fan_out: int = option(100, "Units that read its output.")
    slope: str = option("0", "Slope of the ReLU below 0: 0, or that of a leaky ReLU.")
    depth: int = option(10, "Layers in the comparison.")

    def solve(self) -> Solution:
        variances = self.variances()
        return Solution(
            "The initialisations of He and of Glorot",
            "How large may random weights be, so that neither signals nor gradients grow or vanish "
            "from layer to layer?",
            [*_signal(), *_relu(), *_glorot(), *self._numbers()],
            {name: as_fraction(value) for name, value in variances.items()},
            [_check()],
        )

    def negative_slope(self) -> Expr:
        """The slope below 0. Raises `UsageError` if it is not within 0 and 1."""
        [slope] = numbers(self.slope, "--slope", count=1)
        if not 0 <= slope <= 1:
            raise UsageError(f"Expected a slope from 0 to 1 for --slope, got {self.slope}.")
        return slope

    def variances(self) -> dict[str, Expr]:
        """The variance of a weight by each initialisation."""
        n, m = (
            at_least(getattr(self, f), 1, f"--{f.replace('_', '-')}") for f in ("fan_in", "fan_out")
        )
        return {
            "He": sympy.Rational(2) / (1 + self.negative_slope() ** 2) / n,
            "Glorot": sympy.Rational(2, n + m),
            "LeCun": sympy.Rational(1, n),
            "torch's Linear": sympy.Rational(1, 3 * n),
        }

    def _numbers(self) -> Iterator[Step]:
        part = f"With {self.fan_in} inputs, {self.fan_out} readers and {self.depth} layers"
        at_least(self.depth, 1, "--depth")
        if self.depth > DEEPEST:
            raise UsageError(f"Expected at most {DEEPEST} layers for --depth, got {self.depth}.")
        kept = (1 + self.negative_slope() ** 2) / 2
        rows = []
        for name, variance in self.variances().items():
            factor = self.fan_in * variance * kept
            whole = factor**self.depth
            rows.append(
                (
                    name,
                    shown(variance),
                    decimal(sympy.sqrt(variance).evalf(30), 6),
                    decimal(sympy.sqrt(3 * variance).evalf(30), 6),
                    shown(factor),
                    result_chain(power(written(factor), self.depth), whole),
                )
            )
        columns = (
            "method",
            "variance",
            "deviation",
            "uniform limit",
            "per layer",
            "after all layers",
        )
        yield Step(
            "Variance of a weight, its deviation, the limit of a uniform draw with that variance, "
            "and what it does to the mean square of the signal.",
            "the variance of a uniform number between −a and a is a²/3; torch's Linear draws "
            "between ±1/√n",
            part=part,
            table=Table(columns, tuple(rows)),
        )


def _signal() -> Iterator[Step]:
    part = "Forward"
    yield Step(
        "A unit adds up n products of a weight and an input.",
        "the bias begins at 0",
        (
            equation(
                "z",
                spelled(
                    "w1*h1 + w2*h2 + rest",
                    w1="w_1",
                    w2="w_2",
                    h1="h_1",
                    h2="h_2",
                    rest=words("… + wₙ·hₙ"),
                ),
            ),
        ),
        part,
    )
    yield Step(
        "The variance of the sum is the sum of the variances.",
        "weights are independent of each other and of the inputs, with mean 0: the mixed terms "
        "vanish, and of each product the square of h is left",
        (
            chain(
                call("Var", "z"),
                "=",
                times("n", call("Var", "w"), call("E", power("h", 2))),
            ),
        ),
        part,
    )


def _relu() -> Iterator[Step]:
    part = "ReLU: He"
    z, a = sympy.symbols("z a", real=True)
    density = sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)
    half = sympy.integrate(z**2 * density, (z, 0, sympy.oo))
    whole = sympy.simplify(half + a**2 * half)
    yield Step(
        "A ReLU keeps half of the mean square.",
        "z is symmetric around 0; SymPy integrates z² over its positive half for a normal z of "
        "variance 1. A slope of a below 0 keeps a² of the other half",
        (
            equation(words("kept by a ReLU"), half),
            equation(words("kept with slope a"), whole),
        ),
        part,
    )
    n, variance = sympy.symbols("n V", positive=True)
    [solution] = sympy.solve(n * variance * whole - 1, variance)
    [plain] = sympy.solve(n * variance * half - 1, variance)
    yield Step(
        "The next layer sees as much as this one if the factor is 1.",
        "solved for the variance of a weight",
        (
            chain(times("n", call("Var", "w"), half), "=", 1),
            equation(call("Var", "w"), plain),
            equation(words("Var(w) with slope a"), solution),
        ),
        part,
    )


def _glorot() -> Iterator[Step]:
    part = "tanh and linear: Glorot"
    n, m, variance = sympy.symbols("n m V", positive=True)
    [forward] = sympy.solve(n * variance - 1, variance)
    [backward] = sympy.solve(m * variance - 1, variance)
    [both] = sympy.solve((n + m) / 2 * variance - 1, variance)
    yield Step(
        "Around 0 tanh is the identity: forward the factor is n·Var(w).",
        "",
        (equation(call("Var", "w"), forward),),
        part,
    )
    yield Step(
        "Backward a gradient is a sum over the m units above, by the same argument.",
        "the weights are the same, read the other way",
        (equation(call("Var", "w"), backward),),
        part,
    )
    yield Step(
        "Both at once are only possible for n = m; Glorot takes the mean of n and m.",
        "",
        (equation(call("Var", "w"), both),),
        part,
    )
    limit = sympy.sqrt(3 * both)
    yield Step(
        "As a uniform draw between −a and a.",
        "a²/3 is its variance",
        (chain("a", "=", root(times(3, over(2, spelled("n + m")))), "=", limit),),
        part,
    )


def _check() -> Check:
    """A unit with weights of ±1/4: all sign patterns, exactly, before and after its ReLU."""
    inputs = [Fraction(3 * n % 7 - 2, 2) for n in range(UNITS)]
    size = Fraction(1, 4)
    sums = [
        sum((sign * size * h for sign, h in zip(signs, inputs, strict=True)), Fraction(0))
        for signs in product((-1, 1), repeat=UNITS)
    ]
    variance = sum((z * z for z in sums), Fraction(0)) / len(sums)
    after = sum((max(z, Fraction(0)) ** 2 for z in sums), Fraction(0)) / len(sums)
    mean_square = sum((h * h for h in inputs), Fraction(0)) / UNITS
    return compare(
        "exact enumeration",
        "all sign patterns of the weights of a unit: variance n·Var(w)·E(h²), half after a ReLU",
        [(variance, UNITS * size**2 * mean_square), (after, variance / 2)],
    )
